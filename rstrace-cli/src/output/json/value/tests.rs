use super::*;

use rstrace_core::flags::FlagSet;
use rstrace_core::strings::{CUT, UNREADABLE};

#[track_caller]
fn shown(value: Value<'_>) -> String {
    let mut values = Values::new(Limits::of_length(4));
    values.value(value, Memory::default());
    String::from_utf8(values.json.bytes).expect("ASCII")
}

#[test]
fn numbers_and_addresses() {
    for (value, text) in [
        (Value::Int(-5), "-5"),
        (Value::Unsigned(u64::MAX), r#"{"int":"18446744073709551615"}"#),
        (Value::Hex(16), "16"),
        (Value::Mode(0o644), "420"),
        (Value::Address(0), "null"),
        (Value::Address(16), r#"{"address":"0x10"}"#),
        (Value::Fd(-100, None), "-100"),
        (Value::DirFd(-100, None), r#"{"name":"AT_FDCWD","value":-100}"#),
        (Value::Signal(15), r#"{"name":"SIGTERM","value":15}"#),
        (Value::Signal(65), "65"),
        (Value::Signals(1 << 14), r#"{"signals":["SIGTERM"],"mask":"0x4000"}"#),
        (
            Value::Written(5, |out, n| out.extend(format!("f(\"{n}\")").bytes())),
            r#"{"text":"f(\"5\")","value":5}"#,
        ),
        (
            Value::Counted { address: 16, count: 2, unterminated: true },
            r#"{"address":"0x10","count":2,"unterminated":true}"#,
        ),
    ] {
        assert_eq!(shown(value), text);
    }
}

#[test]
fn flags_are_names_and_a_rest() {
    static SET: FlagSet = FlagSet { choice: None, names: &[(1, "A"), (2, "B")], unknown: "" };
    static PACKED: Packed = Packed {
        set: FlagSet { choice: None, names: &[(0x1000, "P")], unknown: "" },
        numbers: &[PackedNumber::Shifted { mask: 0xf0000, shift: 16, name: "S" }, PackedNumber::Mode],
    };
    for (value, text) in [
        (Value::Flags(Flags { bits: 0x13, set: &SET }), r#"{"flags":["A","B"],"rest":"0x10","bits":"0x13"}"#),
        (Value::Flags(Flags { bits: 0, set: &SET }), r#"{"flags":[],"bits":"0x0"}"#),
        (Value::Packed(0x51180, &PACKED), r#"{"flags":["P"],"numbers":{"S":5,"mode":384},"bits":"0x51180"}"#),
    ] {
        assert_eq!(shown(value), text);
    }
}

#[test]
fn what_is_cut_says_so() {
    let text = |bytes, more| Value::Text { bytes, more, whole: false };
    for (value, json) in [
        (text(b"abcd", false), r#""abcd""#),
        (text(b"abcde", false), r#"{"string":"abcd","truncated":true}"#),
        (text(b"ab", true), r#"{"string":"ab","truncated":true}"#),
        (Value::Path { bytes: b"abcdef", cut: false }, r#""abcdef""#),
        (Value::Terminated { bytes: b"ab\0", more: false }, r#""ab""#),
        (Value::Terminated { bytes: b"abcd\0", more: false }, r#"{"string":"abcd","truncated":true}"#),
        (Value::Terminated { bytes: b"a\0", more: true }, r#"{"string":"a\u0000","truncated":true}"#),
        (Value::HexBytes(b"abcde"), r#"{"hex":"61626364","truncated":true}"#),
    ] {
        assert_eq!(shown(value), json);
    }
}

#[test]
fn vectors_of_strings_tell_what_could_not_be_read() {
    let vector = |elements: &[(u32, &[u8])]| {
        let element =
            |(bits, bytes): &(u32, &[u8])| [&(bits | bytes.len() as u32).to_ne_bytes()[..], bytes].concat();
        let bytes: Vec<u8> = elements.iter().flat_map(element).collect();
        shown(Value::Strings(Strings::from_payload(&bytes)))
    };
    let address = 16u64.to_ne_bytes();
    assert_eq!(vector(&[]), "[]");
    assert_eq!(vector(&[(CUT, &address)]), r#"{"address":"0x10","unreadable":true}"#);
    assert_eq!(
        vector(&[(0, b"a\xff"), (UNREADABLE, &address), (CUT, &address)]),
        r#"[{"string":"a\ufffd","hex":"61ff"},{"address":"0x10","unreadable":true},{"more":true,"address":"0x10"}]"#
    );
    let one: (u32, &[u8]) = (0, b"x");
    assert_eq!(vector(&[one; 5]), r#"["x","x","x","x",{"more":true}]"#);
}
