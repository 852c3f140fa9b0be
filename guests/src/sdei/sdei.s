// What SDEI (Arm DEN0054) needs of assembly: handlers, the place where COMPLETE_AND_RESUME arrives, and a window in
// which every register holds a number that is known.

    .equ SDEI_STACK_SHIFT, 13               // 8 KiB for each CPU and priority
    .equ SDEI_MAX_CPUS, 4                   // as in sdei/mod.rs
    .equ SDEI_EVENT_COMPLETE, 0x25          // of 0xc4000000

// Handlers: x0 = event, x1 = argument, x2 = PC, x3 = PSTATE of what was interrupted. x0 to x17 are free; SP is that of
// what was interrupted, and there may be no room below it.
    .macro  define_handler name, priority
    .global \name
\name:
    mrs     x6, currentel
    mrs     x7, daif
    orr     x6, x6, x7
    mrs     x7, spsel
    orr     x6, x6, x7
    mov     x5, #\priority
    b       sdei_deliver
    .endm
    define_handler sdei_normal, 0
    define_handler sdei_critical, 1

    .equ SDEI_FRAME, 704

// x5 = priority, x6 = PSTATE at entry. CONTEXTIDR_EL1 holds the CPU's index: it has no other use here.
sdei_deliver:
    mrs     x4, contextidr_el1
    and     x4, x4, #(SDEI_MAX_CPUS - 1)
    add     x7, x5, x4, lsl #1
    lsl     x7, x7, #SDEI_STACK_SHIFT
    adrp    x8, sdei_stacks
    add     x7, x7, x8                      // the lower end of this stack
    mov     x8, sp
    sub     x9, x8, x7
    sub     x9, x9, #1
    lsr     x9, x9, #SDEI_STACK_SHIFT
    cbnz    x9, 1f
    brk     #1                              // a handler of this priority is running already
1:  add     x7, x7, #(1 << SDEI_STACK_SHIFT)
    sub     x7, x7, #SDEI_FRAME
    mov     sp, x7
    stp     x0, x1, [sp]                    // handler.rs, Delivery
    stp     x2, x3, [sp, #16]
    stp     x8, x6, [sp, #32]
    stp     x4, x5, [sp, #48]
    stp     x18, x19, [sp, #64]
    stp     x20, x21, [sp, #80]
    stp     x22, x23, [sp, #96]
    stp     x24, x25, [sp, #112]
    stp     x26, x27, [sp, #128]
    stp     x28, x29, [sp, #144]
    mrs     x9, tpidr_el1                   // a call that was interrupted may use it
    stp     x30, x9, [sp, #160]
    mrs     x9, fpcr
    mrs     x10, fpsr
    stp     x9, x10, [sp, #176]
    .irp    n, 0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30
    add     x9, sp, #(192 + 16 * \n)
    str     q\n, [x9]
    .endr
    .irp    n, 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31
    add     x9, sp, #(192 + 16 * \n)
    str     q\n, [x9]
    .endr
    mov     x0, sp
    mov     x29, xzr
    bl      sdei_handler                    // x0 = how it ends, x1 = the argument of that
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    add     x9, sp, #(192 + 16 * \n)
    ldr     q\n, [x9]
    .endr
    ldp     x9, x10, [sp, #176]
    msr     fpcr, x9
    msr     fpsr, x10
    ldp     x30, x9, [sp, #160]
    msr     tpidr_el1, x9
    ldp     x28, x29, [sp, #144]
    ldp     x26, x27, [sp, #128]
    ldp     x24, x25, [sp, #112]
    ldp     x22, x23, [sp, #96]
    ldp     x20, x21, [sp, #80]
    ldp     x18, x19, [sp, #64]
    ldr     x8, [sp, #32]
    mov     sp, x8
    adrp    x9, SDEI_BY_SMC
    ldrb    w9, [x9, :lo12:SDEI_BY_SMC]
    // Firmware is to restore x0 to x17: let them be what nobody left there.
    .irp    n, 2,3,4,5,6,7,8,10,11,12,13,14,15,16,17
    mov     x\n, #0x5555555555555555
    .endr
    cbnz    w9, 2f
    hvc     #0
    b       3f
2:  smc     #0
3:  bl      sdei_not_completed
    b       .

// A handler that completes, and does nothing else: for who registers it at random.
    .global sdei_hammer_handler
sdei_hammer_handler:
    adrp    x9, SDEI_BY_SMC
    ldrb    w9, [x9, :lo12:SDEI_BY_SMC]
    mov     x0, #SDEI_EVENT_COMPLETE
    movk    x0, #0xc400, lsl #16
    mov     x1, xzr
    cbnz    w9, 1f
    hvc     #0
    b       2f
1:  smc     #0
2:  bl      sdei_not_completed
    b       .

// Where COMPLETE_AND_RESUME arrives, as if by an exception: all registers are those of what was interrupted, and
// ELR_EL1 and SPSR_EL1 say where that is. It is looked at and left. What comes here had PSTATE.I clear and room below SP.
    .global sdei_resume
sdei_resume:
    stp     x0, x1, [sp, #-64]!
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    mrs     x4, daif
    mrs     x0, currentel
    orr     x4, x4, x0
    mrs     x0, spsel
    orr     x4, x4, x0
    mrs     x0, contextidr_el1
    and     x0, x0, #(SDEI_MAX_CPUS - 1)
    adrp    x1, SDEI_RESUMED
    add     x1, x1, :lo12:SDEI_RESUMED
    add     x0, x1, x0, lsl #6              // handler.rs, Resumed
    mrs     x1, elr_el1
    mrs     x2, spsr_el1
    stp     x1, x2, [x0, #24]
    str     x4, [x0, #40]
    ldp     x3, x4, [x0, #8]
    eor     x1, x1, x3
    eor     x2, x2, x4
    orr     x1, x1, x2
    cbz     x1, 1f
    ldr     x3, [x0, #48]
    add     x3, x3, #1
    str     x3, [x0, #48]
1:  ldr     x3, [x0]
    add     x3, x3, #1
    str     x3, [x0]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp], #64
    eret

    .macro  work_plain
    nop
    .endm
    .macro  work_hvc
    mov     x0, #0x84000000                 // PSCI_VERSION
    hvc     #0
    .endm
    .macro  work_smc
    mov     x0, #0x84000000
    smc     #0
    .endm

// void sdei_window_NAME(block): every register is as the block (window.rs, Block) has it, for as long as a loop takes;
// then what they are is written to the block. x29 counts up, x30 down. SP must be where it was.
    .macro  define_window name
    .global sdei_window_\name
sdei_window_\name:
    stp     x29, x30, [sp, #-160]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    stp     d8, d9, [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    sub     sp, sp, #272                    // x0 to x30, then the block's address
    str     x0, [sp, #256]
    mov     x1, sp
    msr     tpidrro_el0, x1
    add     x1, x0, #256
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ldr     q\n, [x1], #16
    .endr
    msr     daifset, #15                    // from here on ELR_EL1 is not for COMPLETE_AND_RESUME
    ldp     x2, x3, [x1, #16]               // now at the flags
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x2, x3, [x1]
    msr     nzcv, x2
    msr     daif, x3
    ldp     x2, x3, [x0, #16]
    ldp     x4, x5, [x0, #32]
    ldp     x6, x7, [x0, #48]
    ldp     x8, x9, [x0, #64]
    ldp     x10, x11, [x0, #80]
    ldp     x12, x13, [x0, #96]
    ldp     x14, x15, [x0, #112]
    ldp     x16, x17, [x0, #128]
    ldp     x18, x19, [x0, #144]
    ldp     x20, x21, [x0, #160]
    ldp     x22, x23, [x0, #176]
    ldp     x24, x25, [x0, #192]
    ldp     x26, x27, [x0, #208]
    ldp     x28, x29, [x0, #224]
    ldr     x30, [x0, #240]
    ldp     x0, x1, [x0]
    .global sdei_window_\name\()_begin
sdei_window_\name\()_begin:
1:  work_\name
    add     x29, x29, #1
    sub     x30, x30, #1
    cbnz    x30, 1b
    .global sdei_window_\name\()_end
sdei_window_\name\()_end:
    stp     x0, x1, [sp]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    str     x30, [sp, #240]
    mrs     x3, nzcv
    mrs     x4, daif
    msr     daifset, #15
    mrs     x2, tpidrro_el0
    mov     x1, sp
    sub     x1, x1, x2
    mov     sp, x2
    ldr     x0, [sp, #256]
    add     x5, x0, #800
    .irp    at, 0,16,32,48,64,80,96,112,128,144,160,176,192,208,224
    ldp     x6, x7, [sp, #\at]
    stp     x6, x7, [x5], #16
    .endr
    ldr     x6, [sp, #240]
    str     x6, [x5], #16
    .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    str     q\n, [x5], #16
    .endr
    mrs     x6, elr_el1
    mrs     x7, spsr_el1
    stp     x3, x4, [x5]
    stp     x6, x7, [x5, #16]
    str     x1, [x5, #32]
    add     sp, sp, #272
    ldp     d14, d15, [sp, #144]
    ldp     d12, d13, [sp, #128]
    ldp     d10, d11, [sp, #112]
    ldp     d8, d9, [sp, #96]
    ldp     x27, x28, [sp, #80]
    ldp     x25, x26, [sp, #64]
    ldp     x23, x24, [sp, #48]
    ldp     x21, x22, [sp, #32]
    ldp     x19, x20, [sp, #16]
    ldp     x29, x30, [sp], #160
    ret
    .endm
    define_window plain
    define_window hvc
    define_window smc

// Waits for an interrupt. An event finds the CPU at either address.
    .global sdei_wait
sdei_wait:
    wfi
    .global sdei_wait_end
sdei_wait_end:
    ret

    .section .stacks, "aw", %nobits
    .balign 4096
sdei_stacks:
    .skip   2 * SDEI_MAX_CPUS << SDEI_STACK_SHIFT
    .text
