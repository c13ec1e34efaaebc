//! Function symbols and the signature range, for messages, profiles and tests only: a malformed table is an empty one.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    Symbol,
    elf::{Bytes, name},
};

const SHT_SYMTAB: u32 = 2;
const SECTION_HEADER_BYTES: u64 = 64;
const SYMBOL_BYTES: usize = 24;
const STT_NOTYPE: u8 = 0;
const STT_FUNC: u8 = 2;

#[derive(Default)]
pub(crate) struct Symbols {
    /// By ascending address, one for each address.
    pub(crate) functions: Vec<Symbol>,
    pub(crate) signature: Option<(u64, u64)>,
}

/// Reads the first symbol table. Labels without a type count as functions where `is_text` (assembly code).
pub(crate) fn read(file: Bytes<'_>, is_text: impl Fn(u64) -> bool) -> Symbols {
    tables(file).map(|(entries, names)| collect(entries, names, is_text)).unwrap_or_default()
}

/// The symbol table and its string table.
fn tables(file: Bytes<'_>) -> Option<(&[u8], &[u8])> {
    let headers = file.u64(40)?;
    if file.u16(58)? != SECTION_HEADER_BYTES as u16 {
        return None;
    }
    let count = file.u16(60)?;
    let header =
        |i: u32| file.slice(headers.checked_add(u64::from(i) * SECTION_HEADER_BYTES)?, SECTION_HEADER_BYTES);
    let contents = |header: Bytes<'_>| file.slice(header.u64(24)?, header.u64(32)?);
    let table = (0..u32::from(count))
        .filter_map(header)
        .map(Bytes)
        .find(|header| header.u32(4) == Some(SHT_SYMTAB))?;
    let link = table.u32(40).filter(|link| *link < u32::from(count))?;
    Some((contents(table)?, contents(Bytes(header(link)?))?))
}

fn collect(entries: &[u8], names: &[u8], is_text: impl Fn(u64) -> bool) -> Symbols {
    // Of several symbols at one address the sized one is the function.
    let mut functions = BTreeMap::<u64, Symbol>::new();
    let (mut begin, mut end) = (None, None);
    for entry in entries.chunks_exact(SYMBOL_BYTES).map(Bytes) {
        let (Some(name_offset), Some(address), Some(size)) = (entry.u32(0), entry.u64(8), entry.u64(16))
        else {
            continue;
        };
        let kind = entry.0[4] & 0xf;
        let defined = entry.u16(6) != Some(0);
        if !defined || (kind != STT_FUNC && kind != STT_NOTYPE) {
            continue;
        }
        let Some(name) = name(names, name_offset) else { continue };
        match name.as_str() {
            "begin_signature" => begin = Some(address),
            "end_signature" => end = Some(address),
            _ => {}
        }
        let local_label = name.is_empty() || name.starts_with(['$', '.']);
        if !is_text(address) || (kind == STT_NOTYPE && local_label) {
            continue;
        }
        let known = functions.get(&address).is_some_and(|other| other.size >= size);
        if !known {
            functions.insert(address, Symbol { address, size, name });
        }
    }
    let signature = begin.zip(end).filter(|(begin, end)| begin <= end);
    Symbols { functions: functions.into_values().collect(), signature }
}
