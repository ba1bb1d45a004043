use super::*;

fn of(text: &str) -> &'static str {
    language([text]).code
}

#[test]
fn short_prompts_have_their_language() {
    for (text, code) in [
        ("Why is the sky blue?", "en"),
        ("Fix this bug", "en"),
        ("hello", "en"),
        ("Set a timer for 10 minutes", "en"),
        ("Extract all names from: Bob met Alice", "en"),
        ("Cancel my subscription", "en"),
        ("Warum ist der Himmel blau?", "de"),
        ("Guten Tag", "de"),
        ("Pourquoi le ciel est-il bleu ?", "fr"),
        ("¿Por qué el cielo es azul?", "es"),
        ("Perché il cielo è blu?", "it"),
        ("Por que o céu é azul? Explique para uma criança.", "pt"),
        ("Waarom is de lucht blauw?", "nl"),
        ("Varför är himlen blå?", "sv"),
        ("Dlaczego niebo jest niebieskie?", "pl"),
        ("Почему небо голубое?", "ru"),
        ("Чому небо блакитне?", "uk"),
        ("空はなぜ青いのですか", "ja"),
        ("天空为什么是蓝色的", "zh"),
        ("하늘은 왜 파란가요", "ko"),
        ("Γιατί ο ουρανός είναι μπλε;", "el"),
        ("ทำไมท้องฟ้าเป็นสีฟ้า", "th"),
        ("Gökyüzü neden mavi?", "tr"),
        ("מדוע השמיים כחולים ולמה הם נראים לנו כך", "he"),
        ("لماذا السماء زرقاء في النهار وسوداء في الليل", "ar"),
    ] {
        assert_eq!(of(text), code, "{text}");
    }
}

#[test]
fn what_shows_no_language_is_unknown() {
    for text in [
        "",
        "   ",
        "12345",
        "\u{1f600}\u{1f680}",
        "fn main() {\n    let x = 1;\n}",
        "x",
        "Anna Berg",
        "{\"a\": [1, 2]}",
    ] {
        let found = language([text]);
        assert_eq!(found.code, UNKNOWN, "{text}");
        assert!(found.confidence < SURE, "{text}");
    }
}

#[test]
fn the_words_round_code_count_and_the_code_does_not() {
    let code = "def is_in(the, of):\n    return the in of  # is this the one\n".repeat(8);
    assert_eq!(of(&format!("Was ist hier falsch?\n```python\n{code}```\nBitte erkläre es mir.")), "de");
}

#[test]
fn an_earlier_message_helps_a_short_one() {
    assert_eq!(language(["ok", "Wie koche ich ein Ei, das nicht zu hart ist?"]).code, "de");
}

#[test]
fn every_code_is_iso_639_1() {
    let codes = words::WORDS.iter().map(|(code, _)| code).chain(words::ISO.iter().map(|(_, code)| code));
    assert!(codes.into_iter().all(|code| code.len() == 2 && code.chars().all(|c| c.is_ascii_lowercase())));
    assert!(Lang::all().iter().all(|language| iso(*language).is_some()), "a language has no code");
}

#[test]
fn hostile_text_costs_no_more_than_its_sample() {
    // One line without an end, many lines without prose, and combining marks: none panics, all answer.
    for text in ["a".repeat(1 << 20), "=\n".repeat(1 << 18), "e\u{301}".repeat(1 << 18), "```\n".repeat(1 << 18)] {
        assert!(language([text.as_str()]).confidence <= 1.0);
    }
}
