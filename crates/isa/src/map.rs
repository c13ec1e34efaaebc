//! The memory map, and the keys and pc cells that name places in it (32-bit addresses, 8-byte dwords).
//!
//! ```text
//! bytes      [0, 2^30)              text            (pc cell = address / 2 < 2^29)
//!            [0, 2^31)              program data, heap, stack
//!            [2^31, 2^32)           input region    (dword 0 = length in bytes, then the bytes)
//! memory key [0, 2^29)              dword = address >> 3
//!            [2^29, 2^30)           never initialised, so unreachable
//!            [2^30, 2^30 + 64)      registers x0..x31, write sink, temporaries of micro-rows
//! pc cell    [0, 2^29)              address / 2
//!            [2^29, 2^30)           virtual pcs of micro-rows
//!            2^30                   HALT
//! ```

/// First byte address of the input region.
pub const INPUT_BASE: u64 = 1 << 31;
/// First byte address beyond the address space.
pub const ADDRESS_END: u64 = 1 << 32;
/// First byte address beyond the largest text.
pub const TEXT_END: u64 = 1 << 30;
/// Number of register keys.
pub const REGISTERS: usize = 64;
/// Key of register x0; register i has key `REGISTER_KEY + i`.
pub const REGISTER_KEY: u32 = 1 << 30;
/// Register index that takes the writes to x0 and is never read.
pub const SINK: u8 = 32;
/// Register index holding the lr/sc reservation: address + 1, or 0 for none.
pub const RESERVATION: u8 = 33;
/// First register index free for temporaries of micro-rows.
pub const TEMPORARY: u8 = 34;
/// First virtual pc cell.
pub const VIRTUAL_PC: u32 = 1 << 29;
/// The pc cell after exit.
pub const HALT: u32 = 1 << 30;
/// Upper limit of the memory image: the number of dwords of all segments together. With the registers they fill a table
/// of 2^22 rows.
pub const IMAGE_DWORDS_MAX: usize = (1 << 22) - REGISTERS;
/// Upper limit of ROM rows.
pub const ROM_ROWS_MAX: usize = 1 << 22;
/// Initial stack pointer that `guest/rt` uses: stack below, growing down.
pub const STACK_TOP: u64 = INPUT_BASE - 4096;
