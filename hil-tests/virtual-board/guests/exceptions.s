@ Who runs when: SVC, PendSV, SysTick, interrupts, masks, priority groups, stacks, sleep.
    .include "common.inc"
    vectors

hard_fault:
    note 0xF003
    mov r0, lr
    log r0
    logmem (SCS + 0xD28)            @ CFSR
    logmem (SCS + 0xD2C)            @ HFSR
    poke (SCS + 0xD2C), 0xFFFFFFFF
    bx lr
mem_manage:
bus_fault:
usage_fault:
    b unexpected

@ Logs number, EXC_RETURN, and the frame of whichever stack was used.
svc_handler:
    note 0xF00B
    mrs r0, ipsr
    log r0
    mov r0, lr
    log r0
    tst lr, #4
    ite eq
    mrseq r0, msp
    mrsne r0, psp
    ldr r1, [r0, #24]               @ return address
    log r1
    ldr r1, [r0, #28]               @ xPSR
    log r1
    mrs r1, control
    log r1
    log r0
    movs r1, #0                     @ privileged again
    mrs r0, control
    bic r0, r0, #1
    msr control, r0
    bx lr

pend_sv:
    note 0xF00E
    logmem (SCS + 0xD04)            @ ICSR
    bx lr

sys_tick:
    note 0xF00F
    adds r8, r8, #1
    bx lr

irq0:
    note 0xA000
    logmem (SCS + 0xD04)
    bx lr
irq1:                               @ pends IRQ 0 and IRQ 2 from inside
    note 0xA001
    mov r0, lr
    log r0
    poke (SCS + 0xF00), 0
    poke (SCS + 0xF00), 2
    dsb
    isb
    note 0xA101
    logmem (SCS + 0x200)            @ ISPR0
    logmem (SCS + 0x300)            @ IABR0
    bx lr
irq2:
    note 0xA002
    logmem (SCS + 0x300)
    bx lr
irq3:                               @ calls the supervisor at a priority that forbids it, then at one that allows it
    note 0xA003
    svc #3
    note 0xA103
    bx lr

start:
    begin
    note 1                          @ plain SVC
    svc #1
    note 2                          @ SVC in an IT block
    movs r0, #0
    itte eq
    moveq r0, #1
    svceq #2
    movne r0, #3
    log r0
    note 3                          @ PendSV held by PRIMASK
    cpsid i
    poke (SCS + 0xD04), 0x10000000
    isb
    note 0x31
    logmem (SCS + 0xD04)
    cpsie i
    isb
    note 4                          @ PendSV held by BASEPRI
    poke (SCS + 0xD20), 0x00800000
    movs r0, #0x40
    msr basepri, r0
    poke (SCS + 0xD04), 0x10000000
    isb
    note 0x41
    mrs r0, basepri
    log r0
    movs r0, #0x80                  @ BASEPRI_MAX must not lower the mask
    msr basepri_max, r0
    mrs r0, basepri
    log r0
    movs r0, #0
    msr basepri, r0
    isb
    note 5                          @ order and tail-chaining of three
    cpsid i
    poke (SCS + 0x400), 0x40203060  @ priorities: IRQ 0 0x60, 1 0x30, 2 0x20, 3 0x40
    poke (SCS + 0x100), 7
    poke (SCS + 0x200), 5
    logmem (SCS + 0x200)
    cpsie i
    isb
    note 6                          @ nesting: IRQ 1 pends a lower and a higher one
    poke (SCS + 0xF00), 1
    isb
    note 7                          @ the same with groups: no preemption, but order
    poke (SCS + 0xD0C), 0x05FA0700
    poke (SCS + 0xF00), 1
    isb
    logmem (SCS + 0xD0C)
    poke (SCS + 0xD0C), 0x05FA0500
    poke (SCS + 0xF00), 1
    isb
    poke (SCS + 0xD0C), 0x05FA0000
    note 8                          @ SVC from a handler: first forbidden, then allowed
    poke (SCS + 0x100), 8
    poke (SCS + 0xD1C), 0x80000000
    poke (SCS + 0xF00), 3
    isb
    poke (SCS + 0xD1C), 0x10000000
    poke (SCS + 0xF00), 3
    isb
    note 9                          @ SVC under PRIMASK escalates
    cpsid i
    svc #9
    mrs r0, primask
    log r0
    cpsie i
    note 10                         @ FAULTMASK
    cpsid f
    mrs r0, faultmask
    log r0
    poke (SCS + 0xD04), 0x10000000
    isb
    note 0xA1
    cpsie f
    isb
    note 11                         @ a stack that is not aligned to eight
    sub sp, sp, #4
    svc #11
    mrs r0, msp
    log r0
    add sp, sp, #4
    note 12                         @ the process stack
    const r0, 0x20008000
    msr psp, r0
    movs r0, #2
    msr control, r0
    isb
    svc #12
    mov r0, sp
    log r0
    mrs r0, msp
    log r0
    note 13                         @ unprivileged: masks cannot be set, special registers read as zero
    movs r0, #3
    msr control, r0
    isb
    cpsid i
    movs r0, #0x20
    msr basepri, r0
    mrs r0, primask
    log r0
    mrs r0, basepri
    log r0
    mrs r0, control
    log r0
    svc #13
    mrs r0, control
    log r0
    mrs r0, primask
    log r0
    movs r0, #0
    msr control, r0
    isb
    mov r0, sp
    log r0
    note 14                         @ three SysTicks, asleep between them
    movs r4, #0
    mov r8, r4
    poke (SCS + 0x14), 2000
    poke (SCS + 0x18), 0
    poke (SCS + 0x10), 7
sleep_more:
    wfi
    cmp r8, #3
    blt sleep_more
    poke (SCS + 0x10), 0
    log r8
    note 15                         @ an exclusive store does not survive an exception
    const r4, 0x20000010
    ldrex r0, [r4]
    svc #15
    movs r0, #5
    strex r1, r0, [r4]
    log r1
    ldrex r0, [r4]
    movs r0, #6
    strex r1, r0, [r4]
    log r1
    strex r1, r0, [r4]
    log r1
    note 16                         @ events
    sev
    wfe
    cpsid i                         @ WFI wakes on what PRIMASK holds back
    poke (SCS + 0xD04), 0x10000000
    wfi
    note 0x161
    cpsie i
    isb
    note 17                         @ special registers
    movs r0, #0
    msr apsr_nzcvqg, r0
    const r0, 0xF80F0000
    msr apsr_nzcvq, r0
    mrs r1, apsr
    log r1
    msr apsr_g, r0
    mrs r1, xpsr
    log r1
    mrs r1, iepsr
    log r1
    note 18                         @ NMI through ICSR leads to `unexpected`, which ends the run
    poke (SCS + 0xD04), 0x80000000
    isb
    finish_code
