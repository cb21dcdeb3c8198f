//! Where attacks and faults were met before.

/// Where the attack with this id worked in the field, or what it is there for.
pub(crate) fn met(id: &str) -> &'static str {
    match id {
        "P3" => {
            "embassy-boot 0.7 over a flash model like ours: every torn word that the loader later reads, and that faults, is \
             a boot-error loop for ever."
        }
        "P4" => {
            "embassy-boot 0.7 over a flash model like ours: a torn erase of its state page booted a mixed image with 4 of 20 \
             seeds."
        }
        "P5" => {
            "Every product that met it had to find out for itself: RIOT#17874, Zephyr#33140, Trezor#5312, PX4#27642, \
             QMK#19749, ArduPilot#30013; MCUboot#2845 is a request for comments."
        }
        "P9" => {
            "MCUboot#413 (STM32L4 with our geometry: only the last sector of the trailer was erased) and #427 (the status log \
             ran over the field behind it)."
        }
        "P12" => "g4-dual-bank-example#2, embassy#2309, zephyr#32221: silent erases of the wrong bank.",
        "S5" | "S6" => "MCUboot#2199: a revert that goes round in circles, with nothing in the second slot.",
        "S9" => {
            "No case is named; what a loader does with nothing, or with two of the same, has to be decided beforehand."
        }
        "S10" => {
            "embassy-boot 0.7 over a flash model like ours: confirming is the most fragile moment; 40 of 40 torn words that \
             fault leave a unit that never boots."
        }
        "A1" => "No case is named; it is what a signature is for.",
        "A2" => "MCUboot#1894: bytes behind the signed range were copied along.",
        "A3" => {
            "wolfBoot F-4339: a range check whose sum wrapped. CVE-2021-3625, MCUboot#1320 and #2623: lengths believed too soon."
        }
        "A4" => "CVE-2024-32883 (MCUboot): fields that must be protected were taken from the unprotected part.",
        "A5" => "GHSA-gcxh-546h-phg4 (MCUboot): development keys were shipped.",
        "A6" => {
            "salty 0.3.0 accepts S + L, and salty and the plain `verify` of ed25519-dalek accept the neutral point as a key, \
             which embassy-boot calls."
        }
        "A7" => "No case is named; one key signs more than images here, so a signature has to say what it is about.",
        "A8" => "embassy-boot signs neither hardware nor length nor version: any image suits any board.",
        "A9" => "OpenBLT's default check sums seven words of the vector table and believes the rest.",
        "A11" => "Ledger's \"f00dbabe\": a range check on addresses, and a second address of the same flash.",
        "R1" => "MCUboot#1708: the downgrade check was not made on one of the ways to a slot.",
        "R2" => "wolfBoot F-4412: equal versions were an edge that nobody had decided.",
        "R3" => "wolfBoot F-4410 and F-4411: a cast to a signed number defeated the check.",
        "R4" => "MCUboot#2282: the counter was raised before the confirmation, so that a revert was impossible.",
        "R5" => "MCUboot#2420: that a counter was used up was only found after the swap.",
        "R6" => "TUF's fast-forward attack: one release with a huge version locks out every later one.",
        "R8" => "wolfBoot#815: the highest version of an erased slot was remembered, and good images were refused.",
        _ => "No case is named.",
    }
}
