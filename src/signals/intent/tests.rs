use serde_json::{Value, json};

use super::*;

fn of(text: &str) -> String {
    asked(&json!({"messages": [{"role": "user", "content": text}]}), text)
}

fn asked(request: &Value, text: &str) -> String {
    intents(&serde_json::from_value(request.clone()).unwrap(), text, &Examples::default()).0
}

const TASKS: [(&str, [&str; 4]); 9] = [
    (
        "code",
        [
            "Fix this borrow-checker error: cannot borrow `x` as mutable",
            "Schreibe eine Funktion, die eine Liste sortiert",
            "Écris une fonction Python qui trie une liste",
            "Escribe una función en JavaScript que ordene una lista",
        ],
    ),
    (
        "mathematics",
        [
            "Solve the equation 3x + 5 = 20",
            "Berechne das Integral von x^2",
            "Calcule la dérivée de x^3",
            "Resuelve la ecuación 2x + 3 = 7",
        ],
    ),
    (
        "writing",
        [
            "Write a poem about autumn",
            "Schreibe ein Gedicht über den Herbst",
            "Écris un poème sur l'automne",
            "Escribe un poema sobre el otoño",
        ],
    ),
    (
        "summarising",
        [
            "Summarise this article in three sentences: The council met on Monday.",
            "Fasse den folgenden Text zusammen: Der Rat tagte.",
            "Résume ce texte en trois phrases : Le conseil s'est réuni.",
            "Haz un resumen de este texto: El consejo se reunió.",
        ],
    ),
    (
        "extraction",
        [
            "Extract all names and dates from the following text: Anna met Bob on 3 May.",
            "Extrahiere alle Namen aus dem Text: Anna traf Bob.",
            "Extrais les dates du texte : le 3 mai.",
            "Extrae los nombres del siguiente texto: Ana y Luis.",
        ],
    ),
    (
        "translation",
        [
            "Translate to German: good morning",
            "Übersetze ins Englische: Guten Morgen",
            "Traduis en anglais : bonjour",
            "Traduce al inglés: buenos días",
        ],
    ),
    (
        "classification",
        [
            "Classify the sentiment of this review as positive or negative: I loved it",
            "Klassifiziere die Stimmung: Ich fand es toll",
            "Classe ce commentaire : positif ou négatif",
            "Clasifica este comentario: positivo o negativo",
        ],
    ),
    (
        "question_answering",
        [
            "What is the capital of France?",
            "Wer hat den Buchdruck erfunden?",
            "Qui est le président de la France ?",
            "¿Cuál es la capital de Francia?",
        ],
    ),
    ("chat", ["Hello, how are you?", "Hallo, wie geht es dir?", "Bonjour, comment ça va ?", "Hola, ¿cómo estás?"]),
];

#[test]
fn tasks_are_told_apart_in_four_languages() {
    for (intent, texts) in TASKS {
        for text in texts {
            assert_eq!(of(text), intent, "{text}");
        }
    }
    assert_eq!(
        of("Three houses stand in a row. Using these clues, deduce who owns the fish. Think step by step."),
        "reasoning"
    );
    assert_eq!(of("Set a reminder for 9 am and send an email to the team"), "agentic");
}

#[test]
fn a_bare_sum_is_mathematics_and_a_share_of_people_is_not() {
    for text in ["What is 2+2?", "Calculate 23 * 47", "What is 15% of 240?", "How much is 5 percent of $80?"] {
        assert_eq!(of(text), "mathematics", "{text}");
    }
    for text in ["What % of people speak Spanish?", "What percent of Peru is desert?", "Who won 2+ Oscars?"] {
        assert_eq!(of(text), "question_answering", "{text}");
    }
    assert_eq!(of("How do you do?"), "chat");
    assert_eq!(of("SELECT * FROM users WHERE id = 1 -- why is it slow?"), "code");
}

#[test]
fn what_fits_nothing_is_other() {
    for text in ["", "asdf", "42", "purple monkey dishwasher"] {
        assert_eq!(of(text), OTHER, "{text}");
    }
}

#[test]
fn the_request_counts_and_not_what_is_pasted() {
    let novel =
        "The function of the class was to write and to solve; they would translate Latin and compute. ".repeat(40);
    assert_eq!(of(&format!("Summarise the following text in two sentences.\n\n{novel}")), "summarising");
    assert_eq!(of(&format!("{novel}\n\nTranslate the text above into French.")), "translation");
}

#[test]
fn the_system_prompt_and_tools_have_a_say() {
    let translator = json!({"messages": [{"role": "system", "content": "You are a translator. Translate everything into French."},
        {"role": "user", "content": "The train leaves at nine."}]});
    assert_eq!(asked(&translator, "The train leaves at nine."), "translation");
    let worked = json!({"messages": [{"role": "user", "content": "and now?"},
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "ok"}]});
    assert_eq!(asked(&worked, "and now?"), "agentic");
}

fn shop() -> Examples {
    let phrases = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    Examples::new(&[
        ("refund".into(), phrases(&["I want my money back", "cancel my order and refund me", "how do I get a refund"])),
        (
            "delivery".into(),
            phrases(&["where is my parcel", "my package has not arrived", "when will it be delivered"]),
        ),
    ])
}

#[test]
fn own_intents_hold_for_what_is_like_their_phrases() {
    let own = shop();
    let request = ChatRequest::default();
    for (text, intent) in [
        ("please give me my money back", "refund"),
        ("I would like a refund for my order", "refund"),
        ("Where's my package?", "delivery"),
        (
            "Good evening. I ordered shoes last week. They were nice. My parcel has not arrived! Can you look?",
            "delivery",
        ),
    ] {
        let (found, scores) = intents(&request, text, &own);
        assert_eq!(found, intent, "{text} {:?}", own.scores(text));
        assert!(scores.iter().all(|(_, score)| (0.0..=1.0).contains(score)));
    }
    for text in ["Why is the sky blue?", "Write a poem about my cat", "money makes the world go round", ""] {
        let (found, _) = intents(&request, text, &own);
        assert!(found != "refund" && found != "delivery", "{text} {:?}", own.scores(text));
    }
}

#[test]
fn an_own_intent_may_have_a_shipped_name() {
    let own = Examples::new(&[("code".into(), vec!["frobnicate the widget".into()])]);
    let (found, scores) = intents(&ChatRequest::default(), "frobnicate my widget", &own);
    assert_eq!((found.as_str(), scores.len()), ("code", Intent::ALL.len()));
    assert_eq!(names(["code", "refund"]).len(), Intent::ALL.len() + 1);
}

#[test]
fn hostile_text_answers() {
    for text in ["write ".repeat(100_000), "?".repeat(500_000), "é".repeat(100_000), "a.b?c!\n".repeat(50_000)] {
        let request = ChatRequest::default();
        let (_, scores) = intents(&request, &text, &shop());
        assert!(scores.iter().all(|(_, score)| (0.0..=1.0).contains(score)));
    }
}
