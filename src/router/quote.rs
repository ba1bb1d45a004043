//! Quotes a provider's own words in an error without giving away the request.
//!
//! Providers like to repeat what they were sent ("Incorrect API key provided: sk-…", "Invalid value: 'my secret plan'").
//! A word that also stands in the request, or looks like part of a credential, is cut out; what remains is the provider's
//! own. Words that every error message is made of are kept: they say nothing about the request.

use std::collections::HashSet;

use crate::{
    catalog::Secret,
    chat::{ChatRequest, Content, Part},
    signals::sensitive,
};

/// Characters of a quotation at most.
const LENGTH: usize = 300;

/// Words that error messages are made of; they stay though the request may hold them too.
const PLAIN: &str = "a an and any api are as at be been before but by can cannot code content context could does error errors \
exceed exceeded exceeds failed field for format found from had has have help https if in input instead invalid is it its \
key length less limit limits list long longer many maximum may message messages minimum model models more must no not number \
object of on only or output parameter parameters please provided quota rate reached received reduce request requested \
requests required response role schema see send sent server should string such supported system temporarily text than that \
the their them there this to token tokens too tool tools try type unknown unsupported upper use used user value was were \
when which while with you your";

/// The provider's words with everything cut out that also stands in the request, on one line.
pub fn quote(said: &str, request: &ChatRequest, key: Option<&Secret>) -> String {
    let plain: HashSet<&str> = PLAIN.split_ascii_whitespace().collect();
    let mut known: HashSet<String> = HashSet::new();
    each_text(request, &mut |text| known.extend(words(text).map(str::to_lowercase)));
    known.retain(|word| !plain.contains(word.as_str()));
    let key = key.map_or("", Secret::expose);
    let mut quoted = String::new();
    let mut cut = false;
    // Long bodies are read no further than a quotation can show.
    for piece in said.chars().take(4 * LENGTH).collect::<String>().split_whitespace() {
        let gives_away = words(piece).any(|word| {
            let lower = word.to_lowercase();
            known.contains(&lower) || !plain.contains(lower.as_str()) && is_part(&lower, &known)
        });
        if gives_away || is_credential(piece, key) {
            if !std::mem::replace(&mut cut, true) {
                quoted.push_str(" …");
            }
            continue;
        }
        cut = false;
        quoted.push(' ');
        quoted.extend(piece.chars().filter(|c| !c.is_control()));
        if quoted.chars().count() > LENGTH {
            quoted.push_str(" …");
            break;
        }
    }
    quoted.trim_start().to_owned()
}

/// Whether `word` is a longer or a shorter form of a word of the request ("Janes" of "Jane's", a code that was cut).
fn is_part(word: &str, known: &HashSet<String>) -> bool {
    /// Shorter words are parts of too many others.
    const LONG: usize = 5;
    let long = |word: &str| word.len() >= LONG;
    long(word) && known.iter().any(|own| long(own) && (own.contains(word) || word.contains(own.as_str())))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// A masked key, a part of our own key, or something with a key's usual beginning.
fn is_credential(piece: &str, key: &str) -> bool {
    let bare = piece.trim_matches(|c: char| !c.is_alphanumeric());
    let starts_like_ours = key.len() >= 6 && key.is_char_boundary(6) && piece.contains(&key[..6]);
    piece.contains("***")
        || piece.contains("...") && bare.len() > 6
        || starts_like_ours
        || bare.len() >= 4 && key.len() >= 4 && (key.contains(bare) || piece.contains(key))
        || ["sk-", "sk_", "gsk_", "xai-", "AIza", "Bearer", "eyJ"].iter().any(|start| bare.starts_with(start))
}

fn each_text(request: &ChatRequest, take: &mut impl FnMut(&str)) {
    /// A longer address is data, of which nobody quotes more than the beginning.
    const ADDRESS: usize = 4_096;
    sensitive::strings(request, take);
    for message in &request.messages {
        let Content::Parts(parts) = &message.content else { continue };
        for part in parts {
            match part {
                Part::Image { url, .. } => take(url.get(..ADDRESS).unwrap_or(url)),
                Part::File { data: Some(data), .. } => take(data.get(..ADDRESS).unwrap_or(data)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Message;

    fn request(text: &str) -> ChatRequest {
        ChatRequest { messages: vec![Message::user(text)], ..ChatRequest::default() }
    }

    #[test]
    fn the_providers_own_words_stay_and_the_requests_go() {
        let said = "Invalid content: 'Jane Doe, CANARY-4711' is not allowed, see\nthe usage policy";
        let quoted = quote(said, &request("My name is Jane Doe and the code is CANARY-4711"), None);
        assert_eq!(quoted, "Invalid content: … is not allowed, see the usage policy");
    }

    #[test]
    fn what_was_sent_packed_is_not_quoted_unpacked() {
        let said = "Invalid schema: Jane Quarkson may not";
        let packed = [
            "{\"name\": \"\\u004aane Quarkso\\u006e\"}",
            "see SmFuZSBRdWFya3Nvbg==",
            "[\"{\\\"a\\\": \\\"Jane Quarkson\\\"}\"]",
        ];
        for text in packed {
            assert_eq!(quote(said, &request(text), None), "Invalid schema: … may not", "{text}");
        }
        let schema = serde_json::json!({"type": "json_schema", "json_schema": {"name": "Jane", "schema": {"title": "Quarkson"}}});
        let asked = ChatRequest { response_format: Some(serde_json::from_value(schema).unwrap()), ..request("Hi") };
        assert_eq!(quote("Name Jane, title Quarkson", &asked, None), "Name …");
    }

    #[test]
    fn no_part_of_a_key_is_quoted() {
        let key = Secret::new("sk-proj-abcdef123456");
        let said = "Incorrect API key provided: sk-proj-********3456. Also abcdef123456 and sk-other.";
        let quoted = quote(said, &request("hello"), Some(&key));
        assert_eq!(quoted, "Incorrect API key provided: … Also … and …");
    }
}
