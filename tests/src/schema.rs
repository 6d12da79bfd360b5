//! Checks values against the JSON Schema of `rstrace --json`: the words of JSON Schema that it uses, no others.

use regex_lite::Regex;
use serde_json::{Map, Value};

/// The words that say nothing about a value.
const SILENT: [&str; 4] = ["$schema", "$defs", "title", "description"];

/// A schema.
#[derive(Debug)]
pub struct Schema(Value);

impl Schema {
    /// That of the lines of `rstrace --json`.
    pub fn of_lines() -> Self {
        let text = include_str!("../../docs/rstrace.schema.json");
        Self(serde_json::from_str(text).expect("the schema is JSON"))
    }

    /// What is wrong with a value, if anything is.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        self.conforms(&self.0, value)
    }

    fn conforms(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = schema.as_object().expect("a schema is an object");
        for (word, says) in schema {
            let holds = match word.as_str() {
                word if SILENT.contains(&word) => true,
                "$ref" => {
                    let place =
                        says.as_str().and_then(|path| path.strip_prefix('#')).expect("a place in the schema");
                    self.conforms(self.0.pointer(place).expect("it is defined"), value)?;
                    true
                }
                "const" => value == says,
                "enum" => list(says).contains(value),
                "type" => match says {
                    Value::Array(types) => types.iter().any(|says| is_of_type(says, value)),
                    says => is_of_type(says, value),
                },
                "pattern" => {
                    let pattern = Regex::new(says.as_str().expect("a pattern")).expect("an expression");
                    value.as_str().is_none_or(|text| pattern.is_match(text))
                }
                "minimum" => value.as_i64().is_none_or(|number| Some(number) >= says.as_i64()),
                "minItems" => value.as_array().is_none_or(|list| Some(list.len() as u64) >= says.as_u64()),
                "maxItems" => value.as_array().is_none_or(|list| Some(list.len() as u64) <= says.as_u64()),
                "items" => {
                    value.as_array().into_iter().flatten().try_for_each(|item| self.conforms(says, item))?;
                    true
                }
                "required" => {
                    let has = |object: &Map<String, Value>| {
                        list(says).iter().all(|name| object.contains_key(name.as_str().expect("a name")))
                    };
                    value.as_object().is_none_or(has)
                }
                "properties" | "additionalProperties" => {
                    if word == "properties" || !schema.contains_key("properties") {
                        self.members(schema, value)?;
                    }
                    true
                }
                "anyOf" => self.alternatives(says, value, |matches| matches > 0)?,
                "oneOf" => self.alternatives(says, value, |matches| matches == 1)?,
                other => panic!("the schema says {other}, which is not checked"),
            };
            if !holds {
                return Err(format!("{value} against {word} {says}"));
            }
        }
        Ok(())
    }

    fn members(&self, schema: &Map<String, Value>, value: &Value) -> Result<(), String> {
        let Some(object) = value.as_object() else { return Ok(()) };
        for (name, member) in object {
            match (
                schema.get("properties").and_then(|known| known.get(name)),
                schema.get("additionalProperties"),
            ) {
                (Some(known), _) => self.conforms(known, member)?,
                (None, Some(Value::Bool(false))) => return Err(format!("unknown member {name} in {value}")),
                (None, Some(others @ Value::Object(_))) => self.conforms(others, member)?,
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// Whether the right number of schemas match; if only one speaks of this `type`, what it says is wrong.
    fn alternatives(
        &self,
        schemas: &Value,
        value: &Value,
        enough: impl Fn(usize) -> bool,
    ) -> Result<bool, String> {
        let results: Vec<_> =
            list(schemas).iter().map(|schema| (schema, self.conforms(schema, value))).collect();
        if enough(results.iter().filter(|(_, result)| result.is_ok()).count()) {
            return Ok(true);
        }
        let of_type = |schema: &Value| {
            let named = schema.pointer("/properties/type/const");
            named.is_some() && named == value.get("type")
        };
        match results.into_iter().find(|(schema, _)| of_type(schema)) {
            Some((_, Err(error))) => Err(error),
            _ => Ok(false),
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn is_of_type(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type's name") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema says type {other}, which is not checked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_conforms_and_what_does_not() {
        let schema = Schema::of_lines();
        let fork = |child: Value| json!({"type": "fork", "time_ns": "1", "mono_ns": "2", "pid": 3, "tid": 4, "child": child});
        assert_eq!(schema.check(&fork(json!(5))), Ok(()));
        for (line, text) in [
            (fork(json!(-5)), "-5 against minimum 0"),
            (fork(json!("5")), "\"5\" against type \"integer\""),
            (json!({"type": "fork"}), "required"),
            (json!({"type": "none"}), "oneOf"),
            (json!([]), "oneOf"),
        ] {
            let error = schema.check(&line).expect_err("an error");
            assert!(error.contains(text), "{error}");
        }
        let mut more = fork(json!(5));
        more["more"] = json!(1);
        assert!(schema.check(&more).expect_err("an error").starts_with("unknown member more"));
        let mut no_digits = fork(json!(5));
        no_digits["time_ns"] = json!("1.5");
        assert!(schema.check(&no_digits).expect_err("an error").contains("pattern"));
    }
}
