// The Image header, the ways into the guest, the exception vectors, and the two instructions that call firmware.
//
// Every CPU turns its MMU and caches on here, before any Rust code: exclusive accesses need Normal cacheable
// memory (Arm ARM, B2.12).

    .equ R_AARCH64_RELATIVE, 1027
    .equ STACK_SHIFT, 14                    // 16 KiB a CPU
    .equ MAX_CPUS, 64                       // as in machine.rs
    .equ BUFFER_SHIFT, 8                    // size of resume::Buffer

// Linux, Documentation/arch/arm64/booting.rst: "Call the kernel image".
    .section .head, "ax"
    .global _start
_start:
    b       boot                            // code0
    .word   0                               // code1
    .quad   0                               // text_offset
    .quad   _image_size
    .quad   0xa                             // flags: little-endian, 4 KiB pages, anywhere in memory
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .word   0

    .text

// x0 = address of the FDT. MMU off.
boot:
    mov     x20, x0
    // The loader may have left dirty lines, which would later overwrite what is written below past the cache.
    adrp    x0, _start
    adrp    x1, _end
    bl      clean_and_invalidate
    bl      relocate
    bl      clear_bss
    bl      fill_page_table
    // Lines fetched meanwhile, by speculation, are stale.
    adrp    x0, _start
    adrp    x1, _end
    bl      clean_and_invalidate
    bl      enable_fp_and_mmu
    adrp    x1, boot_stack_top
    mov     sp, x1
    mov     x0, x20
    bl      boot_main
    b       .

// Adds the load address to every pointer in data. The image is linked at 0.
relocate:
    adrp    x3, _start
    adrp    x1, _rela_start
    add     x1, x1, :lo12:_rela_start
    adrp    x2, _rela_end
    add     x2, x2, :lo12:_rela_end
1:  cmp     x1, x2
    b.hs    2f
    ldp     x4, x5, [x1], #16               // r_offset, r_info
    ldr     x6, [x1], #8                    // r_addend
    cmp     x5, #R_AARCH64_RELATIVE
    b.ne    1b
    add     x6, x6, x3
    str     x6, [x3, x4]
    b       1b
2:  ret

clear_bss:
    adrp    x1, _bss_start
    adrp    x2, _bss_end
1:  cmp     x1, x2
    b.hs    2f
    stp     xzr, xzr, [x1], #16
    b       1b
2:  ret

// Identity, 512 blocks of 1 GiB (Arm ARM, D8.3.1): the first Device, not executable; the others Normal.
fill_page_table:
    adrp    x1, page_table
    mov     x2, #0x401                      // block, AF, AttrIndx 0
    movk    x2, #0x60, lsl #48              // UXN, PXN
    str     x2, [x1], #8
    mov     x2, #0x705                      // block, AF, Inner Shareable, AttrIndx 1
    mov     x3, #0x40000000
    mov     x4, #511
    mov     x5, x3
1:  orr     x6, x2, x5
    str     x6, [x1], #8
    add     x5, x5, x3
    subs    x4, x4, #1
    b.ne    1b
    ret

// Data cache lines in [x0, x1), to the point of coherency.
clean_and_invalidate:
    mrs     x2, ctr_el0
    ubfx    x2, x2, #16, #4                 // DminLine: log2 of words
    mov     x3, #4
    lsl     x3, x3, x2
1:  dc      civac, x0
    add     x0, x0, x3
    cmp     x0, x1
    b.lo    1b
    dsb     sy
    ret

// Uses x4 and x5 only.
enable_fp_and_mmu:
    mov     x4, #(3 << 20)                  // CPACR_EL1.FPEN: no trap
    msr     cpacr_el1, x4
    adrp    x4, vectors
    add     x4, x4, :lo12:vectors
    msr     vbar_el1, x4
    mov     x4, #0xff04                     // attribute 0: Device-nGnRE; 1: Normal, write-back
    msr     mair_el1, x4
    mov     x4, #0x3519                     // T0SZ 25; walks Inner Shareable, write-back; 4 KiB
    movk    x4, #0x0080, lsl #16            // EPD1
    mrs     x5, id_aa64mmfr0_el1
    and     x5, x5, #7                      // PARange
    bfi     x4, x5, #32, #3                 // IPS
    msr     tcr_el1, x4
    adrp    x4, page_table
    msr     ttbr0_el1, x4
    dsb     sy
    isb
    tlbi    vmalle1
    ic      iallu
    dsb     nsh
    isb
    mov     x4, #0x1805                     // RES1 bits of ARMv8.0, and M, C, I
    movk    x4, #0x30d0, lsl #16
    msr     sctlr_el1, x4
    isb
    ret

// How the CPU came here, before anything changes it: x2 = SCTLR_EL1, x3 = CurrentEL | DAIF | SPSel (the fields of
// PSTATE do not overlap: Arm ARM, C5.2).
    .macro  entry_state
    mrs     x2, sctlr_el1
    mrs     x3, currentel
    mrs     x4, daif
    orr     x3, x3, x4
    mrs     x4, spsel
    orr     x3, x3, x4
    .endm

// Where CPU_ON sends a CPU: x0 = context ID, its lowest byte the CPU's index. MMU off.
    .global secondary_entry
secondary_entry:
    // Any bit set in x1 to x30: without a register to spare, there is nowhere to store them one by one.
    .irp    n, 2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    orr     x1, x1, x\n
    .endr
    entry_state
    bl      enable_fp_and_mmu
    and     x4, x0, #0xff
    add     x4, x4, #1
    lsl     x4, x4, #STACK_SHIFT
    adrp    x5, stacks
    add     x4, x4, x5
    mov     sp, x4
    mov     x29, xzr
    bl      secondary_main
    b       .

// Where CPU_SUSPEND sends a CPU that was powered down: x0 = context ID, its lowest byte the CPU's index. MMU off.
    .global resume_entry
resume_entry:
    entry_state
    bl      enable_fp_and_mmu
    and     x4, x0, #0xff
    lsl     x4, x4, #BUFFER_SHIFT
    adrp    x5, RESUME_BUFFERS
    add     x5, x5, :lo12:RESUME_BUFFERS
    add     x4, x4, x5
    stp     x0, x2, [x4]
    str     x3, [x4, #16]
    ldr     x5, [x4, #24]
    mov     sp, x5
    ldp     x19, x20, [x4, #32]
    ldp     x21, x22, [x4, #48]
    ldp     x23, x24, [x4, #64]
    ldp     x25, x26, [x4, #80]
    ldp     x27, x28, [x4, #96]
    ldp     d8, d9, [x4, #112]
    ldp     d10, d11, [x4, #128]
    ldp     d12, d13, [x4, #144]
    ldp     d14, d15, [x4, #160]
    mov     x0, #1
    ldp     x29, x30, [sp], #16
    ret

// u64 power_down(buffer, registers, call): calls firmware so that `resume_entry` can come back from here.
// Returns 0 if the call returned, 1 if the CPU was resumed at `resume_entry`.
    .global power_down
power_down:
    stp     x29, x30, [sp, #-16]!
    mov     x3, sp
    str     x3, [x0, #24]
    stp     x19, x20, [x0, #32]
    stp     x21, x22, [x0, #48]
    stp     x23, x24, [x0, #64]
    stp     x25, x26, [x0, #80]
    stp     x27, x28, [x0, #96]
    stp     d8, d9, [x0, #112]
    stp     d10, d11, [x0, #128]
    stp     d12, d13, [x0, #144]
    stp     d14, d15, [x0, #160]
    mov     x0, x1
    blr     x2
    mov     x0, xzr
    ldp     x29, x30, [sp], #16
    ret

// CallEnd call_hvc(registers), CallEnd call_smc(registers): x0 to x17 from memory, the call, x0 to x17 back to memory.
// Returns 1 in x0 if the instruction was undefined, else 0; and in x1 a digit for each instruction around it: 0x111 if
// each was executed once. The count is kept in x18, which a call preserves (SMCCC, section 2.6).
    .macro  define_call name, instruction
    .global \name
\name:
    stp     x29, x30, [sp, #-32]!
    str     x0, [sp, #16]
    msr     tpidr_el1, xzr
    ldp     x2, x3, [x0, #16]
    ldp     x4, x5, [x0, #32]
    ldp     x6, x7, [x0, #48]
    ldp     x8, x9, [x0, #64]
    ldp     x10, x11, [x0, #80]
    ldp     x12, x13, [x0, #96]
    ldp     x14, x15, [x0, #112]
    ldp     x16, x17, [x0, #128]
    ldp     x0, x1, [x0]
    mov     x18, xzr
    add     x18, x18, #0x1
\name\()_instruction:
    \instruction #0
    add     x18, x18, #0x10
    add     x18, x18, #0x100
    ldr     x29, [sp, #16]
    stp     x0, x1, [x29]
    stp     x2, x3, [x29, #16]
    stp     x4, x5, [x29, #32]
    stp     x6, x7, [x29, #48]
    stp     x8, x9, [x29, #64]
    stp     x10, x11, [x29, #80]
    stp     x12, x13, [x29, #96]
    stp     x14, x15, [x29, #112]
    stp     x16, x17, [x29, #128]
    mrs     x0, tpidr_el1
    mov     x1, x18
    ldp     x29, x30, [sp], #32
    ret
    .endm
    define_call call_hvc, hvc
    define_call call_smc, smc

// GuardedEnd guarded_hvc(registers, seed), GuardedEnd guarded_smc(registers, seed): as call_hvc, with x19 = seed,
// x20 = seed + 1, up to x30 = seed + 11. Returns in x0 what they are afterwards, and how far SP is from where it was,
// each word combined into one by a rotation; in x1 the count, and 0x1000 if the instruction was undefined.
    .macro  define_guarded name, instruction
    .global \name
\name:
    stp     x29, x30, [sp, #-112]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    str     x0, [sp, #96]
    msr     tpidr_el1, xzr
    mov     x2, sp
    msr     tpidrro_el0, x2                 // as TPIDR_EL1, of no other use here
    mov     x19, x1
    .irp    n, 20,21,22,23,24,25,26,27,28,29,30
    add     x\n, x1, #(\n - 19)
    .endr
    ldp     x2, x3, [x0, #16]
    ldp     x4, x5, [x0, #32]
    ldp     x6, x7, [x0, #48]
    ldp     x8, x9, [x0, #64]
    ldp     x10, x11, [x0, #80]
    ldp     x12, x13, [x0, #96]
    ldp     x14, x15, [x0, #112]
    ldp     x16, x17, [x0, #128]
    ldp     x0, x1, [x0]
    mov     x18, xzr
    add     x18, x18, #0x1
\name\()_instruction:
    \instruction #0
    add     x18, x18, #0x10
    add     x18, x18, #0x100
    .irp    n, 19,20,21,22,23,24,25,26,27,28,29
    eor     x30, x\n, x30, ror #7
    .endr
    mrs     x28, tpidrro_el0
    mov     x29, sp
    sub     x29, x29, x28
    eor     x30, x29, x30, ror #7
    mov     sp, x28
    ldr     x29, [sp, #96]
    stp     x0, x1, [x29]
    stp     x2, x3, [x29, #16]
    stp     x4, x5, [x29, #32]
    stp     x6, x7, [x29, #48]
    stp     x8, x9, [x29, #64]
    stp     x10, x11, [x29, #80]
    stp     x12, x13, [x29, #96]
    stp     x14, x15, [x29, #112]
    stp     x16, x17, [x29, #128]
    mov     x0, x30
    mrs     x1, tpidr_el1
    add     x1, x18, x1, lsl #12
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #112
    ret
    .endm
    define_guarded guarded_hvc, hvc
    define_guarded guarded_smc, smc

// Arm ARM, D1.3.1.5: 16 vectors of 128 bytes.
    .balign 2048
vectors:
    .set    vector, 0
    .rept   16
    .balign 128
    stp     x0, x1, [sp, #-16]!
    mov     x0, #vector
    b       exception
    .set    vector, vector + 1
    .endr

// The one exception that is expected: "unknown reason" (EC 0), at the call of firmware itself. It is stepped over
// and noted in TPIDR_EL1, which has no other use here.
    .balign 128
exception:
    msr     tpidr_el0, x0
    cmp     x0, #4                          // synchronous, current EL with SP_ELx
    b.ne    2f
    mrs     x0, esr_el1
    lsr     x0, x0, #26
    cbnz    x0, 2f
    mrs     x0, elr_el1
    .irp    name, call_hvc, call_smc, guarded_hvc, guarded_smc
    adr     x1, \name\()_instruction
    cmp     x0, x1
    b.eq    1f
    .endr
    b       2f
1:  add     x0, x0, #4
    msr     elr_el1, x0
    mov     x0, #1
    msr     tpidr_el1, x0
    ldp     x0, x1, [sp], #16
    eret
2:  mrs     x0, tpidr_el0
    mrs     x1, esr_el1
    mrs     x2, elr_el1
    mrs     x3, far_el1
    bl      unexpected_exception
    b       .

    .section .bss.page_table, "aw", %nobits
    .balign 4096
page_table:
    .skip   4096

    .section .stacks, "aw", %nobits
    .balign 4096
boot_stack:
    .skip   32768
    .balign 4096
boot_stack_top:
stacks:
    .skip   MAX_CPUS << STACK_SHIFT
