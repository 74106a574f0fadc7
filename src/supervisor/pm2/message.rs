//! What is asked of a PM2 daemon and what it answers, as JSON in the parts of a message. Pure.
//!
//! It must never keep what it was not asked to find: an answer holds the whole environment of every app, secrets included.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};

use super::amp;
use super::fault::Fault;

/// How many apps a daemon may have, and how many words a command: far more than anybody has.
const MOST: usize = 2000;

/// A call of a method, with the name by which its answer is known.
pub fn call(method: &str, argument: &Value, name: &str) -> Vec<u8> {
    let body = format!("j:{}", json!({ "type": "call", "method": method, "args": [argument] }));
    amp::encode(&[body.as_bytes(), format!("s:{name}").as_bytes()])
}

/// What an answer says; `None` where it answers something else than `name`.
///
/// # Errors
/// What the daemon refused with, or that it is not understood.
pub fn answer<'a, T: Deserialize<'a>>(parts: &'a [Vec<u8>], name: &str) -> Option<Result<T, Fault>> {
    let [body, known] = parts else { return None };
    if known.strip_prefix(b"s:") != Some(name.as_bytes()) {
        return None;
    }
    let reply = body.strip_prefix(b"j:").and_then(|body| serde_json::from_slice::<Reply<T>>(body).ok());
    Some(match reply {
        Some(Reply { error: Some(error), .. }) => Err(Fault::Refused(error.text().unwrap_or("no reason given").to_owned())),
        Some(Reply { args: Some(First(Some(first))), .. }) => Ok(first),
        _ => Err(Fault::Strange),
    })
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Reply<T> {
    #[serde(default)]
    error: Option<Scalar>,
    #[serde(default)]
    args: Option<First<T>>,
}

/// The first of a list; what follows is not looked at.
struct First<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfList<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfList<T> {
            type Value = First<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<First<T>, A::Error> {
                let first = list.next_element()?;
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }
        deserializer.deserialize_seq(OfList(PhantomData))
    }
}

/// A value without parts; what has some is nothing, whatever it holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Scalar {
    /// Null, a list or an object.
    #[default]
    Nothing,
    /// A truth value.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl Scalar {
    /// As a text.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// As a whole number that is not negative, also where it is written as a text.
    pub fn count(&self) -> Option<u64> {
        match self {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is checked to be whole and in range")]
            Self::Number(number) if *number >= 0.0 && *number < 9.0e15 && number.fract() == 0.0 => Some(*number as u64),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Whether it says no, as PM2 takes it.
    pub fn is_off(&self) -> bool {
        matches!(self, Self::Flag(false)) || self.text() == Some("false")
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("any value")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
                Ok(Scalar::Flag(flag))
            }

            #[allow(clippy::cast_precision_loss, reason = "JavaScript has no other numbers")]
            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number as f64))
            }

            #[allow(clippy::cast_precision_loss, reason = "JavaScript has no other numbers")]
            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number as f64))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nothing)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Nothing)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A list that is no longer than it may be; a single value is a list of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Few<T>(pub Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfList<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfList<T> {
            type Value = Few<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list that is not too long")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Few<T>, E> {
                let one = T::deserialize(serde::de::value::StrDeserializer::new(text))?;
                Ok(Few(vec![one]))
            }

            fn visit_unit<E>(self) -> Result<Few<T>, E> {
                Ok(Few::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
                let mut few = Vec::new();
                while let Some(one) = list.next_element()? {
                    if few.len() == MOST {
                        return Err(serde::de::Error::custom("it is too long"));
                    }
                    few.push(one);
                }
                Ok(Few(few))
            }
        }
        deserializer.deserialize_any(OfList(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &str, name: &str) -> Vec<Vec<u8>> {
        vec![format!("j:{body}").into_bytes(), format!("s:{name}").into_bytes()]
    }

    #[test]
    fn a_call_is_written_as_pm2s_own_client_writes_it() {
        let written = call("stopProcessId", &json!(3), "berth:1");
        let text = String::from_utf8_lossy(&written).into_owned();
        assert!(text.contains(r#"j:{"type":"call","method":"stopProcessId","args":[3]}"#), "{text}");
        assert!(text.ends_with("s:berth:1"), "{text}");
    }

    #[test]
    fn an_answer_is_what_was_asked_for_a_refusal_or_not_understood() {
        let of = |body: &str| answer::<Scalar>(&parts(body, "x:1"), "x:1").unwrap();
        assert_eq!(of(r#"{"args":["a",{"b":[1]}]}"#), Ok(Scalar::Text("a".into())));
        for (body, words) in [
            (r#"{"error":"0 id unknown","stack":"at x"}"#, "0 id unknown"),
            (r#"{"error":{"message":"no"}}"#, "no reason given"),
            (r#"{"error":[1]}"#, "no reason given"),
        ] {
            assert_eq!(of(body), Err(Fault::Refused(words.into())), "{body}");
        }
        for body in ["{}", "[]", "", "{\"args\":[]}", "{\"args\":7}", "{\"args\":[1]", "null"] {
            assert_eq!(of(body), Err(Fault::Strange), "{body}");
        }
        assert!(answer::<Scalar>(&parts("{}", "x:2"), "x:1").is_none(), "somebody else's");
        assert!(answer::<Scalar>(&[], "x:1").is_none());
    }

    #[test]
    fn values_are_taken_as_they_come_and_nothing_is_kept_of_what_has_parts() {
        for (text, expected) in [
            ("null", Scalar::Nothing),
            ("[1,[2],{}]", Scalar::Nothing),
            (r#"{"a":{"b":[]}}"#, Scalar::Nothing),
            ("true", Scalar::Flag(true)),
            ("-1", Scalar::Number(-1.0)),
            (r#""x""#, Scalar::Text("x".into())),
        ] {
            assert_eq!(serde_json::from_str::<Scalar>(text).unwrap(), expected, "{text}");
        }
        let count = |text: &str| serde_json::from_str::<Scalar>(text).unwrap().count();
        assert_eq!(
            (count("8101"), count(r#""8101""#), count("1.5"), count("-1"), count("1e300")),
            (Some(8101), Some(8101), None, None, None)
        );
    }

    #[test]
    fn a_list_has_an_end_and_one_word_is_a_list() {
        let of = |text: &str| serde_json::from_str::<Few<Scalar>>(text).map(|few| few.0.len()).ok();
        assert_eq!((of("[]"), of("null"), of(r#""x y""#), of("[1,2]")), (Some(0), Some(0), Some(1), Some(2)));
        assert_eq!(of(&format!("[{}0]", "0,".repeat(MOST))), None);
    }
}
