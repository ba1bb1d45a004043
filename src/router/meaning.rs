//! What the request means (language, intent, complexity), worked out only where something reads it: a rule, a strategy that
//! learns, or one of the user's own, which is given all signals.

use std::borrow::Cow;

use super::{
    call::{Ask, Call},
    fleet::Fleet,
    read::as_chat,
};
use crate::{
    chat::{ChatRequest, Role},
    policy::Reads,
    select::StrategyConfig,
    signals::{self, Signals},
};

/// What has to be worked out: what rules read, what a strategy that learns goes by, and everything if some route's strategy
/// is the user's own.
pub fn wanted(reads: Reads, strategies: impl Iterator<Item = impl std::borrow::Borrow<StrategyConfig>>) -> Reads {
    let (mut own, mut learns) = (false, false);
    for strategy in strategies {
        own |= matches!(strategy.borrow(), StrategyConfig::Custom(_));
        learns |= matches!(strategy.borrow(), StrategyConfig::Bandit { .. });
    }
    let (intent, complexity) = (reads.intent || own || learns, reads.complexity || own || learns);
    Reads { intent, complexity, language: reads.language || own, ..reads }
}

/// Everything that [`tell`] can tell.
pub const ALL: Reads = Reads {
    text: false,
    sensitive: false,
    intent: true,
    complexity: true,
    language: true,
    injection: false,
    budgets: false,
    metadata: false,
    tags: false,
};

/// Adds to `signals` what is `wanted` and not there yet.
pub fn tell(fleet: &Fleet, call: &Call, signals: &mut Signals, wanted: Reads) {
    if !(wanted.intent || wanted.complexity || wanted.language) {
        return;
    }
    let request = match &call.ask {
        Ask::Chat(request) => Cow::Borrowed(request.as_ref()),
        Ask::Embed(request) => Cow::Owned(as_chat(request)),
    };
    let text = match &call.ask {
        Ask::Chat(_) => Cow::Borrowed(signals.text.as_str()),
        Ask::Embed(_) => Cow::Owned(signals::last_user_text(&request)),
    };
    let language = (wanted.language && signals.language.is_none()).then(|| language(&request).code.to_owned());
    let intents =
        (wanted.intent && signals.intent.is_none()).then(|| signals::intents(&request, &text, &fleet.examples));
    let complexity = (wanted.complexity && signals.complexity.is_none()).then(|| signals::complexity(&text));
    signals.language = language.or(signals.language.take());
    signals.complexity = complexity.or(signals.complexity);
    if let Some((intent, intents)) = intents {
        (signals.intent, signals.intents) = (Some(intent), Some(intents));
    }
}

/// The language of what the user says, the last message first.
fn language(request: &ChatRequest) -> signals::language::Language {
    let said = request.messages.iter().rev().filter(|message| message.role == Role::User);
    signals::language(said.flat_map(|message| message.content.texts()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::router::{
        Router,
        fake::{Fake, ask, router},
    };

    fn with(rules: &str) -> Router {
        let deployments = ["a", "b"].map(|name| {
            format!(
                "[deployments.{name}]\nmodel = \"openai-compatible/{name}\"\nbase_url = \"http://127.0.0.1:1/v1\"\n"
            )
        });
        router(&format!("{}{rules}", deployments.concat()), &Arc::new(Fake::default()))
    }

    fn chosen(router: &Router, text: &str) -> String {
        router.route(&ask(text)).unwrap().chosen.unwrap().to_string()
    }

    #[test]
    fn rules_read_intent_complexity_and_language() {
        let router = with("[[rules]]\nwhen = \"intent == 'code' && intents.code > 0.5\"\nprefer = [\"b\"]\n");
        assert_eq!(chosen(&router, "Fix this borrow-checker error: cannot borrow as mutable"), "b");
        assert_eq!(chosen(&router, "Why is the sky blue?"), "a");
        let router = with("[[rules]]\nwhen = \"language == 'de' && complexity < 0.5\"\nrequire = [\"b\"]\n");
        assert_eq!(chosen(&router, "Warum ist der Himmel blau?"), "b");
        assert_eq!(chosen(&router, "Why is the sky blue?"), "a");
        assert!(router.warnings().is_empty());
    }

    #[test]
    fn what_nothing_reads_is_not_computed() {
        let keys = |router: &Router| {
            let signals = router.route(&ask("Why is the sky blue?")).unwrap().signals.to_value();
            ["intent", "intents", "complexity", "language"].map(|key| signals.contains_key(key))
        };
        assert_eq!(keys(&with("")), [false; 4]);
        let one = |when: &str| keys(&with(&format!("[[rules]]\nwhen = \"{when}\"\ntag = [\"x\"]\n")));
        assert_eq!(one("intents.code > 0.5"), [true, true, false, false]);
        assert_eq!(one("complexity > 0.5"), [false, false, true, false]);
        assert_eq!(one("language == 'en'"), [false, false, false, true]);
        let all = with("").signals(&ask("Why is the sky blue?")).unwrap();
        assert!(["intent", "intents", "complexity", "language"].iter().all(|key| all.contains_key(*key)), "{all:?}");
        assert_eq!((&all["intent"], &all["language"]), (&json!("question_answering"), &json!("en")));
    }

    #[test]
    fn own_intents_are_known_to_rules() {
        let intents = "[intents]\nrefund = [\"I want my money back\", \"cancel my order and refund me\"]\n";
        let router = with(&format!("{intents}[[rules]]\nwhen = \"intent == 'refund'\"\nprefer = [\"b\"]\n"));
        assert_eq!(chosen(&router, "please give me my money back"), "b");
        assert_eq!(chosen(&router, "Why is the sky blue?"), "a");
    }

    #[test]
    fn an_unknown_intent_is_a_mistake_with_a_hint() {
        let wrong = |when: &str| {
            let value: Value = json!({"deployments": ["ollama/a"], "rules": [{"when": when, "tag": ["x"]}], "intents": {"refund": ["x"]}});
            let settings = crate::config::from_value(value, &|_| None).unwrap();
            Router::new(settings, Arc::new(Fake::default())).unwrap_err()
        };
        let error = wrong("intent == 'refunds'");
        assert_eq!(error.context.path.as_deref(), Some("rules[0].when"));
        assert!(error.context.hint.as_deref().is_some_and(|hint| hint.contains("refund")), "{error:?}");
        let error = wrong("intent == 'maths'");
        assert!(error.context.hint.as_deref().is_some_and(|hint| hint.contains("mathematics")), "{error:?}");
        assert!(error.message.contains("there is no intent `maths`"));
    }

    #[test]
    fn a_conversation_has_facts_that_rules_read() {
        let router =
            with("[[rules]]\nwhen = \"repeats > 0 || tool_errors > 1 || 'vision' in needs\"\nprefer = [\"b\"]\n");
        assert_eq!(chosen(&router, "Where is my order?"), "a");
        let messages = json!([{"role": "user", "content": "Where is my order?"}, {"role": "assistant", "content": "Here."},
            {"role": "user", "content": "where is my order??"}]);
        let request: ChatRequest = serde_json::from_value(json!({"messages": messages})).unwrap();
        let decision = router.route(&Call::new(Ask::Chat(Arc::new(request)))).unwrap();
        assert_eq!((decision.chosen.unwrap().as_str(), decision.signals.repeats), ("b", 1));
    }
}
