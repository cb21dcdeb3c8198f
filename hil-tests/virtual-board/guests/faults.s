@ Faults: what CFSR, HFSR and the frame say, with and without handlers of their own.
    .include "common.inc"
    vectors

@ Logs the fault, then goes on at r4.
hard_fault:
mem_manage:
bus_fault:
usage_fault:
    mrs r0, ipsr
    log r0
    mov r0, lr
    log r0
    logmem (SCS + 0xD28)            @ CFSR
    ubfx r5, r1, #15, #1
    logmem (SCS + 0xD2C)            @ HFSR
    cbz r5, no_address
    logmem (SCS + 0xD38)            @ BFAR
no_address:
    tst lr, #4
    ite eq
    mrseq r0, msp
    mrsne r0, psp
    ldr r1, [r0, #24]               @ address of the culprit
    log r1
    ldr r1, [r0, #28]
    log r1
    str r4, [r0, #24]
    bic r1, r1, #0x06000000         @ out of any IT block, T set
    bic r1, r1, #0x0000FC00
    orr r1, r1, #0x01000000
    str r1, [r0, #28]
    mov r6, r0
    poke (SCS + 0xD28), 0xFFFFFFFF
    poke (SCS + 0xD2C), 0xFFFFFFFF
    and r1, lr, #0xF
    cmp r1, #3                      @ the return value that svc_handler made up
    it eq
    mvneq lr, #6                    @ 0xFFFFFFF9
    bx lr

svc_handler:                        @ returns with a value in LR that means nothing
    note 0xF00B
    const r0, 0xFFFFFFF3
    bx r0
pend_sv:                            @ faults inside a handler
    note 0xF00E
    push {r4, lr}
    const r0, 0x60000000
    adr r4, after_pend
    adds r4, r4, #1
    ldr r0, [r0]
    .align 2
after_pend:
    note 0xF10E
    pop {r4, pc}
sys_tick:
irq0:
irq1:
irq2:
irq3:
    b unexpected

@ Runs an instruction that faults; goes on behind it.
    .macro attempt number, code:vararg
    note \number
    adr r4, 9f
    adds r4, r4, #1
    \code
    nop
    .align 2
9:
    .endm

    .macro all base
    const r7, 0x60000000
    const r8, 0x20000202
    attempt (\base + 1), ldr r0, [r7]
    attempt (\base + 2), str r0, [r7, #8]
    attempt (\base + 3), ldrb r0, [r7, #3]
    attempt (\base + 4), udf #0
    attempt (\base + 5), .inst.w 0xF7F0A000
    attempt (\base + 6), ldm r8, {r0, r1}
    attempt (\base + 7), strd r0, r1, [r8]
    attempt (\base + 8), ldrex r0, [r8]
    attempt (\base + 9), vldr s0, [r8]
    attempt (\base + 10), vstmia r8, {s0, s1}
    attempt (\base + 11), mcr p15, 0, r0, c7, c5, 0
    const r0, 0x60000001
    attempt (\base + 12), blx r0
    const r0, 0x08000400
    attempt (\base + 13), bx r0
    poke (SCS + 0xD14), 0x218       @ DIV_0_TRP and UNALIGN_TRP
    movs r0, #0
    attempt (\base + 14), udiv r1, r0, r0
    attempt (\base + 15), sdiv r1, r0, r0
    attempt (\base + 16), ldr r0, [r8]
    attempt (\base + 17), strh r0, [r8, #1]
    poke (SCS + 0xD14), 0x200
    movs r0, #0
    udiv r1, r7, r0
    log r1
    ldr r0, [r8]
    poke (SCS + 0xD88), 0
    dsb
    isb
    attempt (\base + 18), vmov s0, r0
    poke (SCS + 0xD88), 0x00F00000
    dsb
    isb
    const r0, 0xE0000001
    attempt (\base + 19), bx r0
    const r0, 0xFFFFFFF9
    attempt (\base + 20), bx r0     @ no exception return outside a handler
    attempt (\base + 21), svc #0    @ a return value that means nothing
    attempt (\base + 22), ldmia r7!, {r0, r1}
    log r7
    const r7, 0x60000000
    attempt (\base + 23), ldr r0, [r7], #4
    log r7
    movs r0, #0
    note (\base + 24)
    adr r4, 9f
    adds r4, r4, #1
    cmp r0, #0
    itt eq
    moveq r0, #1
    ldreq r0, [r7]
    nop
    .align 2
9:
    log r0
    .endm

start:
    begin
    all 0x100
    poke (SCS + 0xD24), 0x00070000  @ their own handlers
    all 0x200
    note 0x300                      @ a bus fault at a priority that forbids its handler
    poke (SCS + 0xD18), 0x00004000  @ BusFault 0x40
    poke (SCS + 0xD20), 0x00300000  @ PendSV 0x30
    poke (SCS + 0xD04), 0x10000000
    isb
    note 0x301                      @ and at one that allows it
    poke (SCS + 0xD20), 0x00500000
    poke (SCS + 0xD04), 0x10000000
    isb
    note 0x302                      @ faults on the process stack
    const r0, 0x20008000
    msr psp, r0
    movs r0, #2
    msr control, r0
    isb
    const r7, 0x60000000
    attempt 0x303, ldr r0, [r7]
    mov r0, sp
    log r0
    finish_code
