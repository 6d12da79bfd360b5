//! The table against itself and against the kernel's numbers.

use std::collections::BTreeSet;

use rstrace_core::describe::{self, Limits};
use rstrace_core::event::Abi;
use rstrace_core::probe::MAX_CAPTURES;

use super::*;

const LIMITS: Limits = Limits { length: 32, whole_lists: false };

#[test]
fn every_row_has_a_number_and_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for syscall in table::all() {
        assert!(numbers::exists(syscall.name), "{}", syscall.name);
        assert!(names.insert(syscall.name), "{} twice", syscall.name);
    }
}

#[test]
fn the_captures_of_a_row_fit() {
    for syscall in table::all() {
        for abi in [Abi::Native, Abi::Compat32] {
            let usual = describe::captures(syscall.params, abi, LIMITS);
            let variants = describe::variants(syscall, abi, LIMITS);
            let others =
                variants.iter().flat_map(|variants| variants.captures.iter().map(|(_, captures)| captures));
            for captures in others.chain([&usual]) {
                assert!(captures.len() <= MAX_CAPTURES, "{}: {captures:?}", syscall.name);
            }
        }
    }
}

#[test]
fn cases_are_in_order() {
    for cases in table::all().filter_map(|syscall| Some((syscall.name, syscall.cases?.cases))) {
        assert!(cases.1.is_sorted_by_key(|case| case.value), "{}", cases.0);
    }
}
