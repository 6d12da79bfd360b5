//! The numbers of system calls, from `asm/unistd*.h`.

use std::fs;

use crate::Result;
use crate::headers::Headers;

/// The table of one architecture, for its own programs or for 32-bit ones.
#[derive(Debug)]
pub struct Table {
    /// Its name in Rust.
    pub name: &'static str,
    /// Its documentation.
    pub about: &'static str,
    /// The processor that it is for, as Rust calls it.
    pub cfg: &'static str,
    /// Number and name, sorted.
    pub rows: Vec<(u32, String)>,
}

/// Name, documentation, processor, and the header among those of all architectures.
const TABLES: &[(&str, &str, &str, &str)] = &[
    ("NATIVE", "The kernel's own table.", "x86_64", "x86/asm/unistd_64.h"),
    ("COMPAT", "The table for 32-bit programs (i386).", "x86_64", "x86/asm/unistd_32.h"),
    ("NATIVE", "The kernel's own table.", "aarch64", "arm64/asm/unistd_64.h"),
    ("COMPAT", "The table for 32-bit programs (ARM EABI).", "aarch64", "arm/asm/unistd-eabi.h"),
];

/// All tables.
pub fn tables(headers: &Headers) -> Result<Vec<Table>> {
    let table = |&(name, about, cfg, header): &(_, _, _, &str)| {
        let path = headers.of_all_architectures().join(header);
        let text =
            fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let mut rows: Vec<(u32, String)> = text.lines().filter_map(row).collect();
        rows.sort();
        Ok(Table { name, about, cfg, rows })
    };
    TABLES.iter().map(table).collect()
}

/// `#define __NR_read 0` or `#define __NR_read (__NR_SYSCALL_BASE + 3)`.
fn row(line: &str) -> Option<(u32, String)> {
    let (name, value) = line.strip_prefix("#define __NR_")?.split_once([' ', '\t'])?;
    let value = value.trim();
    let number = value.strip_prefix("(__NR_SYSCALL_BASE + ").and_then(|sum| sum.strip_suffix(')'));
    Some((number.unwrap_or(value).trim().parse().ok()?, name.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_alone_or_above_a_base() {
        assert_eq!(row("#define __NR_read 0"), Some((0, "read".into())));
        assert_eq!(row("#define __NR_write (__NR_SYSCALL_BASE + 4)"), Some((4, "write".into())));
        assert_eq!(row("#define _ASM_UNISTD_64_H"), None);
    }
}
