//! The pairs that the probes want: what a session captures of each, and the number by which its records tell it.

use super::options::Options;
use crate::backend::plan::{Plan, Row};
use crate::before::Numbered;
use crate::deliver::{self, Known};
use crate::probe::{Capture, From, MAX_CAPTURES, Pair, Probe, What, When};

/// Of which probe a pair is, and which of that probe's pairs.
pub(super) type Place = (usize, usize);

/// The pairs of all probes, with the captures that the session makes, and their places.
pub(super) fn wanted(probes: &[Box<dyn Probe>], options: &Options, silent: bool) -> (Vec<Pair>, Vec<Place>) {
    let mut pairs = Vec::new();
    let mut places = Vec::new();
    for (probe, plugin) in probes.iter().enumerate() {
        for (index, pair) in plugin.pairs().into_iter().enumerate() {
            places.push((probe, index));
            pairs.push(pair);
        }
    }
    if silent {
        // what nobody sees need not be read
        for pair in &mut pairs {
            pair.captures.clear();
            pair.variants = None;
        }
    } else {
        for (what, _) in [(What::Identity, options.callers), (What::Pointer, options.pointers)]
            .into_iter()
            .filter(|(_, asked)| *asked)
        {
            pairs.iter_mut().for_each(|pair| ask_for(what, pair));
        }
    }
    (pairs, places)
}

/// Captures what the session asks for of every call, behind what the probe wants.
fn ask_for(what: What, pair: &mut Pair) {
    let variants = pair.variants.iter_mut().flat_map(|variants| &mut variants.captures);
    for captures in variants.map(|(_, captures)| captures).chain([&mut pair.captures]) {
        let has_it = captures.iter().any(|capture| capture.what == what);
        if !has_it && captures.len() < MAX_CAPTURES {
            captures.push(Capture { from: From::Arg(0), when: When::Entry, what });
        }
    }
}

/// What each row of the kernel side's table is to who delivers its calls, and the pairs by their numbers.
pub(super) fn number(rows: &[Row<'_>], places: &[Place], plan: &Plan) -> (Vec<Known>, Vec<Numbered>) {
    let mut place = 0;
    let mut known = Vec::new();
    let mut numbered = Vec::new();
    for (row, id) in rows.iter().zip(1..) {
        place += usize::from(row.variant.is_none() && id > 1);
        if row.variant.is_none() {
            numbered.push(Numbered { id, pair: row.pair.clone() });
        }
        let (probe, index) = places[place];
        known.push(Known {
            probe,
            index,
            unwanted: 0,
            name: plan.symbol(id).unwrap_or(row.pair.name).to_owned(),
            vectors: row.captures.iter().map(|capture| capture.what == What::Strings).collect(),
            entry: deliver::entry_captures(row.captures),
            identity: row.captures.iter().position(|capture| capture.what == What::Identity),
            pointer: row.captures.iter().position(|capture| capture.what == What::Pointer),
        });
    }
    (known, numbered)
}
