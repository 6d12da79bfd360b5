//! Records without a kernel, for tests, fuzzing and benches. No part of the interface: it may change at any time.

use rstrace_probes_bpf::layout;

use crate::deliver::{self, Delivery, Known};
use crate::describe::Type;
use crate::memory::{Encoded, bytes_of, extend};
use crate::probe::{End, Probe, RawCall, What};
use crate::record::{self, Record};
use crate::{Sink, event::Abi};

/// Bytes of a record before its payloads.
pub const HEAD: usize = size_of::<Record>();

/// What stands between the transport and the sink in a session.
pub struct Replay {
    delivery: Delivery,
    words: Vec<u64>,
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").finish_non_exhaustive()
    }
}

impl Replay {
    /// The pairs of these probes, numbered from 1 in their order; signals have this type.
    pub fn new(probes: Vec<Box<dyn Probe>>, siginfo: &'static Type) -> Self {
        let mut pairs = Vec::new();
        for (probe, index_of) in probes.iter().enumerate() {
            pairs.extend(index_of.pairs().into_iter().enumerate().map(|(index, pair)| Known {
                unwanted: 0,
                probe,
                index,
                name: pair.name.to_owned(),
                vectors: pair.captures.iter().map(|capture| capture.what == What::Strings).collect(),
                entry: deliver::entry_captures(&pair.captures),
                identity: None,
                pointer: None,
            }));
        }
        Self { delivery: Delivery::new(probes, pairs, Some(siginfo), None, None), words: Vec::new() }
    }

    /// How many pairs there are.
    pub fn pairs(&self) -> usize {
        self.delivery.pairs().len()
    }

    /// The number of the pair with this name.
    pub fn pair(&self, name: &str) -> Option<u16> {
        let place = self.delivery.pairs().iter().position(|pair| pair.name == name)?;
        u16::try_from(place + 1).ok()
    }

    /// Takes the bytes of a record, as the record of this pair if one is given; those that are no record are refused.
    pub fn record(&mut self, bytes: &[u8], pair: Option<u16>, sink: &mut dyn Sink) -> bool {
        self.words.clear();
        extend(&mut self.words, bytes);
        if let Some(pair) = pair
            && let Some(word) = self.words.first_mut()
        {
            // the pair is behind size and kind
            *word = *word & 0x0000_ffff_ffff_ffff | u64::from(pair) << 48;
        }
        let bytes = &bytes_of(&self.words)[..bytes.len()];
        let is_record = record::parse(bytes).is_some();
        if is_record {
            self.delivery.record(bytes, sink);
        }
        is_record
    }
}

/// The record of a call, as the kernel side sends it.
pub fn call(pair: u16, call: &RawCall<'_>, payloads: &Encoded) -> Vec<u8> {
    let mut head = Record {
        size: (HEAD + payloads.as_bytes().len()) as u32,
        kind: layout::RECORD_CALL,
        pair,
        time: 2,
        entry_time: call.entry_ns.unwrap_or(0),
        pid_tgid: u64::from(call.tid) << 32 | u64::from(call.tid),
        nr: call.nr,
        args: call.args,
        ..Record::default()
    };
    match call.end {
        End::Returned(value) => head.ret = value,
        End::Died | End::Unfinished => head.flags |= layout::CALL_DIED,
    }
    if call.abi == Abi::Compat32 {
        head.flags |= layout::CALL_COMPAT;
    }
    if call.entry_ns.is_none() {
        head.flags |= layout::CALL_NO_ENTRY;
    }
    let mut words = Vec::new();
    // SAFETY: plain data without padding.
    extend(&mut words, unsafe { plain::as_bytes(&head) });
    let mut bytes = bytes_of(&words)[..HEAD].to_vec();
    bytes.extend_from_slice(payloads.as_bytes());
    bytes
}
