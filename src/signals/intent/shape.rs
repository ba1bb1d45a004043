//! What a request looks like, beside its words: code has braces, sums have numbers, agents have tools.

use crate::{
    chat::{ChatRequest, Role},
    signals::{intent::Intent, language::cut},
};

/// Bytes whose characters are counted.
const COUNTED: usize = 2_000;

/// A text without a question of at most so many bytes, in a conversation, is talk.
const SHORT: usize = 40;

/// A sum that is told as a tale has fewer bytes than this.
const TALE: usize = 900;

/// A sum that is the whole question has fewer bytes than this.
const SUM: usize = 120;

/// Adds what the shape of `request`, whose last user message is `text`, says.
pub(super) fn gather(request: &ChatRequest, text: &str, evidence: &mut [f32; 11]) {
    let seen = cut(text, COUNTED);
    evidence[Intent::Code as usize] += code(seen);
    evidence[Intent::Mathematics as usize] += sums(seen);
    let words = seen.split_whitespace().take(12).count();
    if words > 0 && words <= 4 && text.len() <= SHORT && request.messages.len() > 2 {
        evidence[Intent::Chat as usize] += 0.6;
    }
    let worked = request.messages.iter().any(|m| m.role == Role::Tool || !m.tool_calls.is_empty());
    if worked {
        // A conversation in which tools were called is an agent's.
        evidence[Intent::Agentic as usize] += 3.0;
    } else if !request.tools.is_empty() {
        evidence[Intent::Agentic as usize] += 1.4;
    }
}

/// Braces, semicolons, calls and names with joints.
fn code(text: &str) -> f32 {
    let (mut signs, mut joints, mut all) = (0_u32, 0_u32, 0_u32);
    let mut before = ' ';
    for c in text.chars() {
        all += 1;
        signs += u32::from(matches!(c, '{' | '}' | ';' | '[' | ']' | '=' | '<' | '>' | '_'));
        let camel = before.is_lowercase() && c.is_uppercase();
        let call = c == '(' && (before.is_alphanumeric() || before == '_');
        let snake = c.is_alphanumeric() && before == '_';
        joints += u32::from(camel || call || snake);
        before = c;
    }
    if all < 12 || text.contains('$') && text.contains('\\') {
        return 0.0;
    }
    let share = (signs + 2 * joints) as f32 / all as f32;
    (share * 30.0).min(3.0) * f32::from(u8::from(share > 0.025))
}

/// Numbers in a text of words, and operators between numbers.
fn sums(text: &str) -> f32 {
    let (mut numbers, mut operators, mut dollars) = (0_u32, 0_u32, 0_u32);
    let mut before = ' ';
    for c in text.chars() {
        numbers += u32::from(c.is_ascii_digit() && !before.is_ascii_digit());
        operators += u32::from(matches!(c, '+' | '*' | '^' | '×' | '÷' | '=' | '√' | '∫' | '≤' | '≥'));
        dollars += u32::from(c == '$');
        before = c;
    }
    let all = text.len().max(60) as f32;
    let formulas = if dollars >= 2 && dollars % 2 == 0 && text.contains(['\\', '^', '=']) { 1.5 } else { 0.0 };
    // In a long text numbers are the text's.
    let counts = if text.len() > TALE { 0.2 } else { 1.0 };
    // A sum that is all there is: nobody asks for a fact about `23 * 47`.
    let bare = if text.len() < SUM && is_sum(text) { 2.0 } else { 0.0 };
    let share = numbers as f32 / all * 60.0;
    let most = if numbers > 2 { 1.4 } else { 0.8 };
    let terms = if numbers >= 2 { (operators as f32 * 0.35).min(1.4) } else { 0.0 };
    counts * (share.min(most) * f32::from(u8::from(numbers >= 2)) + terms) + formulas + bare
}

/// Whether an operator stands between two numbers, or one is a share of the other.
fn is_sum(text: &str) -> bool {
    let signs: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let between = signs.windows(3).any(|near| {
        near[0].is_ascii_digit() && matches!(near[1], '+' | '*' | '×' | '÷' | '^') && near[2].is_ascii_digit()
    });
    between || ["% of ", " percent of "].iter().any(|words| is_share(text, words))
}

/// `15% of 240`: a number on either side of `words`. `What % of people` asks for a fact.
fn is_share(text: &str, words: &str) -> bool {
    text.split_once(words).is_some_and(|(share, whole)| {
        share.ends_with(|c: char| c.is_ascii_digit())
            && whole.trim_start_matches(['$', '€', '£']).starts_with(|c: char| c.is_ascii_digit())
    })
}
