@ FPU registers in exception frames: lazy, eager, and not at all.
    .include "common.inc"
    vectors

hard_fault:
mem_manage:
bus_fault:
usage_fault:
    b unexpected

@ Looks at the reserved frame, then makes the FPU save into it.
svc_handler:
    note 0xF00B
    mov r0, lr
    log r0
    logmem (SCS + 0xF34)            @ FPCCR
    logmem (SCS + 0xF38)            @ FPCAR
    mrs r0, control
    log r0
    mov r0, sp
    log r0
    ldr r1, [r0, #32]               @ S0 in the frame: not written yet when lazy
    log r1
    vmov.f32 s0, #2.0
    logmem (SCS + 0xF34)
    mrs r1, control
    log r1
    vmrs r1, fpscr
    log r1
    mov r0, sp
    ldr r1, [r0, #32]
    log r1
    ldr r1, [r0, #92]               @ S15
    log r1
    ldr r1, [r0, #96]               @ FPSCR
    log r1
    vmov.f32 s20, #4.0              @ not part of the frame
    vadd.f32 s1, s0, s0
    bx lr

@ Does not touch the FPU.
pend_sv:
    note 0xF00E
    mov r0, lr
    log r0
    logmem (SCS + 0xF34)
    bx lr

@ Interrupts a handler that uses the FPU.
irq0:
    note 0xA000
    vmov.f32 s2, #8.0
    poke (SCS + 0xF00), 1
    isb
    vmov r1, s2
    log r1
    logmem (SCS + 0xF38)
    bx lr
irq1:
    note 0xA001
    mov r0, lr
    log r0
    logmem (SCS + 0xF38)
    vmov.f32 s2, #16.0
    logmem (SCS + 0xF34)
    bx lr
sys_tick:
irq2:
irq3:
    b unexpected

@ Logs S0, S1, S2, S15, S20, FPSCR and CONTROL.
    .macro registers
    vmov r0, s0
    log r0
    vmov r0, s1
    log r0
    vmov r0, s2
    log r0
    vmov r0, s15
    log r0
    vmov r0, s20
    log r0
    vmrs r0, fpscr
    log r0
    mrs r0, control
    log r0
    .endm

    .macro fill
    vmov.f32 s0, #1.0
    vmov.f32 s1, #1.5
    vmov.f32 s2, #3.0
    vmov.f32 s15, #-1.0
    vmov.f32 s20, #0.5
    const r0, 0x00C00000            @ no flags: what a new context finds in them, the two machines see differently
    vmsr fpscr, r0
    .endm

start:
    begin
    note 1                          @ no FPU context yet
    mrs r0, control
    log r0
    poke (SCS + 0xD04), 0x10000000
    isb
    note 2                          @ lazy, saved by the handler
    poke (SCS + 0xF3C), 0x02400000  @ FPDSCR: new contexts get DN and round up
    fill
    svc #0
    registers
    note 3                          @ lazy, never saved
    fill
    poke (SCS + 0xD04), 0x10000000
    isb
    registers
    note 4                          @ nested handlers that both use it
    poke (SCS + 0x400), 0x00002040
    poke (SCS + 0x100), 3
    fill
    poke (SCS + 0xF00), 0
    isb
    registers
    note 5                          @ eager
    poke (SCS + 0xF34), 0x80000000
    fill
    svc #0
    registers
    note 6                          @ without automatic state
    poke (SCS + 0xF34), 0
    movs r0, #0
    msr control, r0
    isb
    fill
    mrs r0, control
    log r0
    poke (SCS + 0xD04), 0x10000000
    isb
    registers
    note 7                          @ a misaligned stack with an extended frame
    poke (SCS + 0xF34), 0xC0000000
    fill
    sub sp, sp, #4
    svc #0
    mov r0, sp
    log r0
    registers
    finish_code
