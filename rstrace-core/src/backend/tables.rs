//! The kernel side's tables, filled and read in few steps: everything traced has some thousand rows, and a system call
//! for each took longer than all programs take to be loaded.

use std::ffi::c_void;
use std::io;
use std::os::fd::AsRawFd;

use libbpf_rs::{MapCore, MapFlags};
use rstrace_probes_bpf::layout::{self, Counters};

use crate::error::{Context, Error, ErrorKind, Result};
use crate::mapping::Mapping;

/// Bytes of counters that are asked for at once.
const BATCH: usize = 256 << 10;

/// Writes the rows of the table of pairs from 1 on. It is an array that can be mapped; its programs do not run yet.
pub(crate) fn write_pairs(map: &impl MapCore, rows: &[layout::Pair]) -> io::Result<()> {
    const { assert!(size_of::<layout::Pair>().is_multiple_of(8), "elements of arrays begin at multiples of 8") };
    if map.max_entries() as usize <= rows.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mapping = Mapping::shared(map.as_fd(), 0, size_of_val(rows) + size_of::<layout::Pair>(), true)?;
    // SAFETY: the mapping is new, page-aligned, and has room for one row more than there are, as the table has; nobody
    // else uses the table.
    unsafe {
        let first = mapping.address().cast::<layout::Pair>().add(1);
        first.copy_from_nonoverlapping(rows.as_ptr(), rows.len());
    }
    Ok(())
}

/// Puts elements into a hash map: keys and values, each one after the other.
pub(crate) fn fill(map: &impl MapCore, keys: &[u8], values: &[u8]) -> libbpf_rs::Result<()> {
    let (key, value) = (map.key_size() as usize, map.value_size() as usize);
    let count = (keys.len() / key) as u32;
    if count == 0 || map.update_batch(keys, values, count, MapFlags::ANY, MapFlags::ANY).is_ok() {
        return Ok(());
    }
    // before 5.6
    keys.chunks_exact(key)
        .zip(values.chunks_exact(value))
        .try_for_each(|(key, value)| map.update(key, value, MapFlags::ANY))
}

/// What was counted for each pair, by its id, summed up over the CPUs; 0 is what belongs to none.
pub(crate) fn read_counters(map: &impl MapCore) -> Result<Vec<Counters>> {
    let cpus = libbpf_rs::num_possible_cpus().context("the number of CPUs")?;
    let mut sums = vec![Counters::default(); map.max_entries() as usize];
    let batch = (BATCH / (cpus * size_of::<Counters>())).max(1);
    let mut keys = vec![0u32; batch];
    let mut values = vec![Counters::default(); batch * cpus];
    let (mut place, mut known) = (0u32, 0);
    while known < sums.len() {
        let mut count = batch as u32;
        let from = if known == 0 { std::ptr::null_mut() } else { (&raw mut place).cast::<c_void>() };
        let mut next = 0u32;
        // SAFETY: the keys are numbers, each value is one structure for each possible CPU, and there is room for as many
        // as are asked for.
        let result = unsafe {
            libbpf_sys::bpf_map_lookup_batch(
                map.as_fd().as_raw_fd(),
                from,
                (&raw mut next).cast(),
                keys.as_mut_ptr().cast(),
                values.as_mut_ptr().cast(),
                &mut count,
                std::ptr::null(),
            )
        };
        // at the end there is nothing behind what is returned
        if (result != 0 && result != -libc::ENOENT) || count == 0 {
            break;
        }
        for (key, per_cpu) in keys.iter().zip(values.chunks_exact(cpus)).take(count as usize) {
            if let Some(sum) = sums.get_mut(*key as usize) {
                per_cpu.iter().for_each(|counters| add(sum, counters));
            }
        }
        known += count as usize;
        place = next;
    }
    if known == 0 {
        // before 5.13
        for (key, sum) in sums.iter_mut().enumerate() {
            read_one(map, key as u32, sum)?;
        }
    } else if known < sums.len() {
        return Err(Error::new(ErrorKind::Other, "the counters can't be read to their end"));
    }
    Ok(sums)
}

fn read_one(map: &impl MapCore, key: u32, sum: &mut Counters) -> Result<()> {
    let per_cpu = map.lookup_percpu(&key.to_ne_bytes(), MapFlags::ANY).context("the counters")?;
    for bytes in per_cpu.unwrap_or_default() {
        let mut counters = Counters::default();
        if plain::copy_from_bytes(&mut counters, &bytes).is_ok() {
            add(sum, &counters);
        }
    }
    Ok(())
}

fn add(sum: &mut Counters, counters: &Counters) {
    for (sum, count) in sum.count.iter_mut().zip(counters.count) {
        *sum += count;
    }
}
