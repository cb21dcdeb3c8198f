//! Ed25519 signatures, checked strictly: accepts exactly what `verify_strict` of `ed25519-dalek` accepts, which the host
//! and the tests go by, for a third of the code.
//!
//! The curve is that of `curve25519-dalek`; ours are the order of the checks and two pieces of plain arithmetic. Nothing
//! here is secret, so nothing takes care to run equally long (`docs/decisions/ed25519.md`).
//!
//! A signature is (R, S), of a message M for a key A; L is the order of the base point B, and k is SHA-512(R, A, M) as a
//! little-endian number. It is valid when
//!
//! 1. A is a point, however it is spelt, and not of small order: such a key would sign any message (`fault:A6`);
//! 2. S is below L, or each signature would have a second spelling;
//! 3. R is, to the byte, how S·B - (k mod L)·A is written;
//! 4. that point is not of small order.
//!
//! `verify_strict` asks of R that it is a point, and not of small order, before it asks 3. That comes to the same: when 3
//! holds, R is a point, namely the one that 4 looks at. So R, whose spelling 3 pins down, need not be read as a point.
//!
//! One skipped instruction (`docs/instruction-skips.md`): the answer is a [`Valid`], a number that is put together from the
//! bytes compared in 3 and not only from what was decided about them. Who asks looks at it once more.

use core::hint::black_box;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use hash::sha512;

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// The key is no point of the curve.
    Key,
    /// The signature is not one of this message by this key.
    Signature,
}

/// Says that a signature holds, if [`Valid::word`] is [`Valid::YES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Valid(u32);

impl Valid {
    /// Half of its bits set: neither a slip nor erased flash gives it.
    pub const YES: u32 = 0x6B5A_3C69;

    /// [`Valid::YES`], or something else after a skipped instruction.
    #[must_use]
    pub fn word(self) -> u32 {
        black_box(self.0)
    }
}

/// A number below 2^256, lowest word first.
type Number = [u32; 8];

/// L, 2^252 + 27742317777372353535851937790883648493.
const ORDER: Number = [0x5CF5_D3ED, 0x5812_631A, 0xA2F7_9CD6, 0x14DE_F9DE, 0, 0, 0, 0x1000_0000];

/// Checks a signature.
///
/// # Errors
/// [`Invalid`], when it does not hold.
pub fn verify(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<Valid, Invalid> {
    let key = CompressedEdwardsY(*public_key).decompress().ok_or(Invalid::Key)?;
    let [r, s] = halves(signature);
    if !is_below_order(&number(s)) {
        return Err(Invalid::Signature);
    }
    let k = bytes(&modulo_order(&sha512(&[r, public_key, message])));
    let point = EdwardsPoint::vartime_double_scalar_mul_basepoint(&scalar(k), &-key, &scalar(*s));
    let difference = point.compress().0.iter().zip(r).fold(0, |sum, (one, other)| sum | (one ^ other));
    if key.is_small_order() || point.is_small_order() || black_box(difference) != 0 {
        return Err(Invalid::Signature);
    }
    Ok(Valid(Valid::YES ^ u32::from(black_box(difference))))
}

/// A number below L as what the curve multiplies by. Not by way of a constructor that reduces: that is 2 KB of code.
#[expect(deprecated, reason = "nothing is added to or multiplied with the scalar, and it is reduced")]
const fn scalar(reduced: [u8; 32]) -> Scalar {
    Scalar::from_bits(reduced)
}

/// Whether S has its one spelling.
fn is_below_order(number: &Number) -> bool {
    number.iter().rev().lt(ORDER.iter().rev())
}

/// The remainder by L, a byte at a time from the top.
fn modulo_order(wide: &[u8; 64]) -> Number {
    let mut rest = Number::default();
    for &byte in wide.iter().rev() {
        // Below L before, so below 2^261 after: five bits of it are in `above`.
        let mut above = u32::from(byte);
        for word in &mut rest {
            (*word, above) = (*word << 8 | above, *word >> 24);
        }
        // With L = 2^252 + c, c < 2^125: taking L away this often takes away all from 2^252 on, and less than 2^134 more.
        let times = above << 4 | rest[7] >> 28;
        let mut owed = 0;
        for (word, order) in rest.iter_mut().zip(ORDER) {
            let product = u64::from(order) * u64::from(times) + u64::from(owed);
            let (less, is_short) = word.overflowing_sub(product as u32);
            (*word, owed) = (less, (product >> 32) as u32 + u32::from(is_short));
        }
        // So it may be once too often, and never twice.
        if owed > above {
            let mut carry = false;
            for (word, order) in rest.iter_mut().zip(ORDER) {
                (*word, carry) = word.carrying_add(order, carry);
            }
        }
    }
    rest
}

/// R and S.
fn halves(signature: &[u8; 64]) -> [&[u8; 32]; 2] {
    let (halves, _) = signature.as_chunks();
    [&halves[0], &halves[1]]
}

fn number(bytes: &[u8; 32]) -> Number {
    let mut words = Number::default();
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

fn bytes(number: &Number) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(number) {
        *bytes = word.to_le_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests;
