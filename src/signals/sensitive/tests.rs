use proptest::prelude::*;
use serde_json::json;

use super::*;

fn kinds(text: &str) -> Vec<&'static str> {
    Detector::default().scan_text(text).iter().map(|finding| finding.kind).collect()
}

fn request(value: serde_json::Value) -> ChatRequest {
    serde_json::from_value(value).unwrap()
}

#[test]
fn the_six_structured_types_are_found() {
    for (text, kind) in [
        ("write to jane.doe+x@mail.example.co.uk please", "email"),
        ("call me on +44 7700 900123", "phone"),
        ("(415) 555-0132", "phone"),
        ("card 4111 1111 1111 1111", "credit_card"),
        ("378282246310005", "credit_card"),
        ("my ssn is 078-05-1120", "us_ssn"),
        ("GB82 WEST 1234 5698 7654 32", "iban"),
        ("blocked 81.2.69.142 again", "ip_address"),
        ("from 2a00:1450:4009:81f::200e", "ip_address"),
    ] {
        assert_eq!(kinds(text), [kind], "{text}");
    }
}

#[test]
fn what_only_resembles_them_is_left_alone() {
    for text in [
        "version 1.2.3.4 of the tool",
        "10.0.0.1 and 192.168.1.1 and 127.0.0.1",
        "4111 1111 1111 1112",
        "GB82 WEST 1234 5698 7654 33",
        "000-12-3456",
        "see user@localhost or a@b",
        "std::vec::Vec and 12:34:56",
        "on 16-04-2010 we sold 1,032,923 of 3333*2=6666",
        "What is diabetes?",
        "pi is 3.14159265358979",
    ] {
        assert_eq!(kinds(text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn look_alikes_and_encodings_hide_nothing() {
    for (text, kind) in [
        ("４１１１ １１１１ １１１１ １１１１", "credit_card"),
        ("4111\u{200b}1111\u{200b}1111\u{200b}1111", "credit_card"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "credit_card"),
        ("jane＠example．com", "email"),
        ("jane%40example.com", "email"),
        (r"jane\u0040example.com", "email"),
        ("jane&#64;example.com", "email"),
        ("bXkgY2FyZCBpcyA0MTExIDExMTEgMTExMSAxMTExIG9r", "credit_card"),
    ] {
        assert_eq!(kinds(text), [kind], "{text}");
    }
}

#[test]
fn spans_are_code_points_of_the_text() {
    let text = "Grüße an jané@example.com!";
    let found = &Detector::default().scan_text(text)[0];
    let span: String = text.chars().skip(found.start).take(found.end - found.start).collect();
    assert_eq!(span, "jané@example.com");
}

#[test]
fn every_part_of_a_request_is_read() {
    let mail = "jane@example.com";
    let user = |content: serde_json::Value| json!({"messages": [{"role": "user", "content": content}]});
    let encoded = "bWFpbCBqYW5lQGV4YW1wbGUuY29tIHRvZGF5";
    for value in [
        json!({"messages": [{"role": "system", "content": mail}]}),
        json!({"messages": [{"role": "assistant", "content": mail}]}),
        json!({"messages": [{"role": "tool", "tool_call_id": "1", "content": mail}]}),
        json!({"messages": [{"role": "user", "name": mail, "content": "hi"}]}),
        json!({"messages": [{"role": "assistant", "reasoning_content": mail, "content": null}]}),
        json!({"messages": [{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function",
            "function": {"name": "f", "arguments": format!("{{\"to\": \"{mail}\"}}")}}]}]}),
        user(json!([{"type": "text", "text": mail}])),
        user(json!([{"type": "video_url", "video_url": {"url": mail}}])),
        user(json!([{"type": "file", "file": {"file_data": format!("data:text/plain;base64,{encoded}")}}])),
        user(json!([{"type": "image_url", "image_url": {"url": format!("https://x.org/?u={mail}")}}])),
        json!({"messages": [], "stop": [mail]}),
        json!({"messages": [], "user": mail}),
        json!({"messages": [], "extra_body": {"x": {"y": [mail]}}}),
        json!({"messages": [], "tools": [{"type": "function", "function": {"name": "f", "description": mail}}]}),
        json!({"messages": [], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"default": mail}}}]}),
        json!({"messages": [], "response_format": {"type": "json_schema", "json_schema": {"schema": {"const": mail}}}}),
    ] {
        let report = Detector::default().scan(&request(value.clone()));
        assert!(report.personal && report.any && report.types == ["email"], "{value}: {report:?}");
    }
    let metadata = json!({"owner": mail});
    let report = Detector::default().scan_with(&request(json!({"messages": []})), metadata.as_object());
    assert!(report.personal);
}

#[test]
fn what_cannot_be_read_counts() {
    let detector = Detector::new(SensitiveConfig { max_bytes: 100, ..SensitiveConfig::default() }).unwrap();
    let report = detector.scan(&request(json!({"messages": [{"role": "user", "content": "ä".repeat(60)}]})));
    assert!(report.any && !report.personal && report.types == ["unscanned"]);
    let pdf = json!({"messages": [{"role": "user", "content": [
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0xLjcKgYGB////gICAAAECAwQFBg=="}}]}]});
    assert_eq!(Detector::default().scan(&request(pdf)).types, ["unscanned"]);
}

#[test]
fn neutral_types_count_when_named() {
    let text = "Mr. John Smith, https://example.com, 2021-05-21, 10.0.0.1";
    assert_eq!(kinds(text), Vec::<&str>::new());
    let types = ["person", "url", "date_time", "private_ip"].map(String::from).to_vec();
    let detector = Detector::new(SensitiveConfig { types, ..SensitiveConfig::default() }).unwrap();
    let found: Vec<_> = detector.scan_text(text).iter().map(|finding| finding.kind).collect();
    assert_eq!(found, ["person", "url", "date_time", "private_ip"]);
}

#[test]
fn health_needs_a_person() {
    for text in [
        "I was diagnosed with type 2 diabetes",
        "my depression is back",
        "Patient 54, MRN 1234567",
        "Dx: E11.9 in this patient, dx: E11.9",
    ] {
        assert!(
            kinds(text).iter().any(|kind| ["health", "medical_record"].contains(kind)),
            "{text}: {:?}",
            kinds(text)
        );
    }
    for text in ["How does insulin work?", "Write an essay about the great depression", "List symptoms of asthma"] {
        assert_eq!(kinds(text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn documents_dates_and_addresses_need_their_words() {
    for (text, kind) in [
        ("My driver's license number is F162823540116", "driving_licence"),
        ("passport no. CD7654321", "passport"),
        ("born on 11/22/2000", "date_of_birth"),
        ("date of birth: 12 March 1985", "date_of_birth"),
        ("I live at 221 Baker Street", "address"),
        ("PO Box 1234", "address"),
    ] {
        assert!(kinds(text).contains(&kind), "{text}: {:?}", kinds(text));
    }
    assert_eq!(kinds("a 5 minute drive, 12/31/1999, 2 way street"), Vec::<&str>::new());
}

/// Pieces that recognisers stop and start at, to be glued together at random.
const PIECES: &[&str] = &[
    "4111",
    "1111",
    "078-05-1120",
    "+44",
    "(415)",
    "x123",
    "@",
    "a@b.co",
    "[1.2.3.4]",
    "GB82 WEST",
    "1.2.3.4",
    "::1",
    "2a00:",
    "phone",
    "ssn",
    "card",
    "iban",
    "password",
    "token",
    "=",
    ":",
    ": \"",
    "'",
    "\"",
    " ",
    "\n",
    "-",
    ".",
    "/",
    "_",
    "-----BEGIN PRIVATE KEY-----",
    "eyJ",
    "eyJhbGciOiJI.eyJ",
    "ZXlK",
    "://",
    "u:p@",
    "curl -u ",
    "kind: Secret\ndata:\n",
    "Q~",
    "1Q~",
    "-us",
    "_mmk",
    ".atlasv1.",
    "T3BlbkFJ",
    "AKIA",
    "xoxb-",
    "SG.",
    "MTAyPUD4TCW7AEJ7CFGoGEid.GSwJyi",
    "é",
    "中",
    "\u{200b}",
    "％",
    "\\u0040",
    "%40",
    "&#64;",
    "my ",
    "diabetes",
    "plate ",
    "AB12",
    "vin ",
    "born ",
    "12 March 1980",
    "address 12 Elm",
    "Street",
    "PO Box",
    "apt. 4",
    "passport",
    "A1234567",
    "123456789:A",
    "|",
    "1234567890123456|",
    "0x",
    "bc1",
    "MRN",
    "E11",
    ".9",
    "Authorization: Basic ",
    "Mr. ",
    "電話",
    "１２３",
    "DE12",
    "X1234567",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_it_stumble(picks in prop::collection::vec(0..PIECES.len(), 0..12), noise in "\\PC{0,20}") {
        let types = ["person", "url", "date_time", "private_ip", "mac_address"].map(String::from).to_vec();
        let detector = DETECTOR.get_or_init(|| Detector::new(SensitiveConfig { types, ..SensitiveConfig::default() }).unwrap());
        let mut text: String = picks.iter().map(|pick| PIECES[*pick]).collect();
        for text in [text.clone(), { text.push_str(&noise); text }] {
            let points = text.chars().count();
            let mut last = 0;
            for finding in detector.scan_text(&text) {
                prop_assert!(finding.start >= last && finding.start < finding.end && finding.end <= points, "{finding:?}");
                last = finding.end;
            }
        }
    }
}

static DETECTOR: std::sync::OnceLock<Detector> = std::sync::OnceLock::new();

#[test]
fn what_counts_on_demand_is_found_on_demand_and_not_before() {
    for (name, text) in [
        ("person", "My name is Anna Berg."),
        ("location", "She flew from Kraków to New Zealand."),
        ("location", "I moved to Little Whinging last year."),
        ("organization", "The contract with Meyer & Sons Ltd ends."),
        ("organization", "He studied at the University of Bologna."),
        ("url", "see https://example.com/a?b=c"),
        ("date_time", "The meeting is on 12 March 2024."),
        ("private_ip", "ssh 192.168.1.17"),
        ("mac_address", "MAC 00:1a:2b:3c:4d:5e"),
    ] {
        let config = SensitiveConfig { types: vec![name.into()], ..SensitiveConfig::default() };
        let kinds = |detector: &Detector| -> Vec<&str> {
            detector.scan_text(text).into_iter().map(|finding| finding.kind).collect()
        };
        assert!(kinds(&Detector::new(config).unwrap()).contains(&name), "{text}");
        assert!(!kinds(&Detector::default()).contains(&name), "{text}");
    }
}
