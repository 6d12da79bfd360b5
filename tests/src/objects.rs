//! Traces of `rstrace --json`: objects that conform to the schema.

use serde_json::Value;

use crate::schema::Schema;

/// A trace, whole or so far.
#[derive(Debug)]
pub struct Objects(pub Vec<Value>);

impl Objects {
    /// Reads lines. Each is an object that conforms to the schema, and the first says that a trace starts.
    #[track_caller]
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let schema = Schema::of_lines();
        let object = |line: &str| {
            assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line:?}");
            let object = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            schema.check(&object).unwrap_or_else(|error| panic!("{error}: {line}"));
            object
        };
        let objects: Vec<Value> = lines.into_iter().map(object).collect();
        assert!(objects.first().is_none_or(|first| first["type"] == "start"), "{objects:?}");
        Self(objects)
    }

    /// Those of a type.
    pub fn of_type(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |object| object["type"] == name)
    }

    /// The calls with this name.
    pub fn calls(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.of_type("call").filter(move |call| call["syscall"] == name)
    }

    /// The ledger at the end.
    #[track_caller]
    pub fn ledger(&self) -> &Value {
        let last = self.0.last().expect("there are lines");
        assert_eq!(last["type"], "end", "{last}");
        &last["ledger"]
    }

    /// The value of an argument, by its name.
    #[track_caller]
    pub fn argument<'a>(call: &'a Value, name: &str) -> &'a Value {
        let args = call["args"].as_array().expect("arguments");
        let found = args.iter().find(|arg| arg["name"] == name);
        &found.unwrap_or_else(|| panic!("no {name} in {call}"))["value"]
    }

    /// The bytes of a string.
    #[track_caller]
    pub fn bytes(value: &Value) -> Vec<u8> {
        if let Some(hex) = value["hex"].as_str() {
            let byte = |i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex");
            return (0..hex.len()).step_by(2).map(byte).collect();
        }
        let text = value.as_str().or(value["string"].as_str());
        text.unwrap_or_else(|| panic!("no string: {value}")).as_bytes().to_vec()
    }

    /// A time, in nanoseconds.
    #[track_caller]
    pub fn time(object: &Value, member: &str) -> u64 {
        object[member].as_str().and_then(|digits| digits.parse().ok()).expect("a time")
    }
}
