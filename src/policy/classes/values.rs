//! One value for each class of values that no condition can tell apart.

use serde_json::{Number, Value};

use super::{Mentions, Standing, Variable};
use crate::signals::{SensitiveReport, own::Yields, sensitive::Category};

/// A string that no condition mentions.
const OTHER: &str = "other";
/// A Monday, 1970-01-05 00:00 UTC, and the Saturday after it.
const DAYS: [f64; 2] = [345_600.0, 777_600.0];
/// Seconds of six hours.
const QUARTER: f64 = 21_600.0;
/// Parts of texts that are put together to find an example.
const MOST_PARTS: usize = 4;

/// The values that stand for all of `variable`.
pub(super) fn standing(variable: &Variable, mentions: &Mentions, models: &[String]) -> Vec<Standing> {
    match variable {
        Variable::Flag(_) | Variable::Tag(_) => vec![Standing::Flag(false), Standing::Flag(true)],
        Variable::Sensitive => sensitive(&mentions.members),
        Variable::Number("tokens" | "turns") => whole(&mentions.numbers).into_iter().map(some_number).collect(),
        Variable::Number(_) => with_none(points(&mentions.numbers, Some(0.0), Some(1.0))),
        Variable::Budget(_) => with_none(points(&mentions.numbers, Some(0.0), None)),
        Variable::Word(name) => words(name, mentions),
        Variable::Metadata(_) => metadata(mentions),
        Variable::Own(_, _, yields) => own(*yields, mentions),
        Variable::Model => models.iter().cloned().map(some_word).collect(),
        Variable::Text => texts(&mentions.members).into_iter().map(some_word).collect(),
        Variable::Now => {
            DAYS.iter().flat_map(|day| (0..4).map(move |n| some_number(day + f64::from(n) * QUARTER))).collect()
        }
        Variable::Opaque(_) => [Some(false), Some(true), None].map(Standing::Opaque).to_vec(),
    }
}

fn some_number(number: f64) -> Standing {
    Standing::Number(Some(number))
}

fn some_word(word: String) -> Standing {
    Standing::Word(Some(word))
}

/// The numbers, and that it was not computed.
fn with_none(numbers: Vec<f64>) -> Vec<Standing> {
    numbers.into_iter().map(Some).chain([None]).map(Standing::Number).collect()
}

/// Each constant, and a number in every gap between and beyond them.
fn points(constants: &[f64], low: Option<f64>, high: Option<f64>) -> Vec<f64> {
    let inside = |number: &f64| low.is_none_or(|low| *number >= low) && high.is_none_or(|high| *number <= high);
    let mut ends: Vec<f64> = constants.iter().copied().filter(inside).chain(low).chain(high).collect();
    sort(&mut ends);
    let mut all = ends.clone();
    all.extend(ends.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])));
    match (ends.first(), ends.last()) {
        (Some(first), Some(last)) => {
            all.extend(low.is_none().then_some(first - 1.0));
            all.extend(high.is_none().then_some(last + 1.0));
        }
        _ => all.push(0.0),
    }
    sort(&mut all);
    all
}

/// As [`points`], of whole numbers from zero.
fn whole(constants: &[f64]) -> Vec<f64> {
    let around = |c: &f64| [c.floor() - 1.0, c.floor(), c.ceil(), c.ceil() + 1.0];
    let mut all: Vec<f64> = constants.iter().flat_map(around).filter(|n| *n >= 0.0).chain([0.0]).collect();
    sort(&mut all);
    all
}

fn sort(numbers: &mut Vec<f64>) {
    numbers.sort_by(f64::total_cmp);
    numbers.dedup_by(|a, b| a.total_cmp(b).is_eq());
}

fn words(name: &str, mentions: &Mentions) -> Vec<Standing> {
    let mut words = vec![unmentioned(mentions, if matches!(name, "user" | "session") { "" } else { OTHER })];
    words.extend(strings(mentions));
    let mut standing: Vec<Standing> = words.into_iter().map(some_word).collect();
    if matches!(name, "intent" | "language") {
        standing.push(Standing::Word(None));
    }
    standing
}

fn strings(mentions: &Mentions) -> Vec<String> {
    let mut strings: Vec<String> = mentions.values.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect();
    strings.sort();
    strings.dedup();
    strings
}

/// A string near `wish` that no condition mentions.
fn unmentioned(mentions: &Mentions, wish: &str) -> String {
    let known = strings(mentions);
    let mut word = wish.to_owned();
    while known.contains(&word) {
        word.push_str(if word.is_empty() { OTHER } else { "_" });
    }
    word
}

/// What is not mentioned is all alike: it equals nothing that is written, and whatever else is asked of it fails.
fn metadata(mentions: &Mentions) -> Vec<Standing> {
    let mut values: Vec<Value> = vec![unmentioned(mentions, OTHER).into()];
    values.extend(mentions.values.iter().filter(|value| !value.is_number()).cloned());
    if mentions.presence {
        values.push(Value::Null);
    }
    if mentions.as_bool {
        values.extend([false.into(), true.into()]);
    }
    if !mentions.numbers.is_empty() {
        values.extend(points(&mentions.numbers, None, None).into_iter().map(number));
    }
    if !mentions.members.is_empty() {
        values.extend(subsets(&mentions.members).map(Value::from));
    }
    let mut unique: Vec<Value> = Vec::new();
    for value in values {
        if !unique.contains(&value) {
            unique.push(value);
        }
    }
    std::iter::once(None).chain(unique.into_iter().map(Some)).map(Standing::Json).collect()
}

/// As [`metadata`], of the kind that is declared; absent is always possible.
fn own(yields: Yields, mentions: &Mentions) -> Vec<Standing> {
    let values: Vec<Value> = match yields {
        Yields::Bool => vec![false.into(), true.into()],
        Yields::Number => points(&mentions.numbers, None, None).into_iter().map(number).collect(),
        Yields::Text => {
            std::iter::once(unmentioned(mentions, OTHER)).chain(strings(mentions)).map(Value::from).collect()
        }
        Yields::Any | Yields::Map => return metadata(mentions),
    };
    std::iter::once(None).chain(values.into_iter().map(Some)).map(Standing::Json).collect()
}

fn number(number: f64) -> Value {
    if number.fract() == 0.0 {
        return (number as i64).into();
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// Every subset, the empty one first. As many as memory holds are counted by the caller: 2^17 are too many already.
fn subsets(members: &[String]) -> impl Iterator<Item = Vec<String>> {
    let mut members = members.to_vec();
    members.sort();
    members.dedup();
    let count = 1_usize << members.len().min(17);
    (0..count).map(move |bits| {
        members.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, member)| member.clone()).collect()
    })
}

/// Texts that hold some of the parts.
fn texts(parts: &[String]) -> Vec<String> {
    let few = parts.get(..MOST_PARTS.min(parts.len())).unwrap_or_default();
    subsets(few).map(|parts| parts.join(" ")).collect()
}

/// Every report that can be, as far as conditions look at it. `asked` has parts (`personal`) and types (`types.email`).
fn sensitive(asked: &[String]) -> Vec<Standing> {
    let types: Vec<String> = asked.iter().filter_map(|part| part.strip_prefix("types.").map(str::to_owned)).collect();
    let looks = |part: &str| asked.iter().any(|asked| asked == part);
    let mut reports: Vec<SensitiveReport> = Vec::new();
    let mut seen = Vec::new();
    for bits in 0_u8..16 {
        let [personal, secrets, health, unscanned] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
        for types in subsets(&types).filter(|types| agree(types, [personal, secrets, health, unscanned])) {
            let any = personal || secrets || health || unscanned;
            let view = (
                any && looks("any"),
                personal && looks("personal"),
                secrets && looks("secrets"),
                health && looks("health"),
                types.clone(),
            );
            if !seen.contains(&view) {
                seen.push(view);
                reports.push(SensitiveReport { any, personal, secrets, health, types, findings: Vec::new() });
            }
        }
    }
    reports.into_iter().map(Standing::Sensitive).collect()
}

/// Whether findings of these types go with these parts. A type that is not known may be any.
fn agree(types: &[String], [personal, secrets, health, unscanned]: [bool; 4]) -> bool {
    types.iter().all(|name| match category(name) {
        Some(Category::Personal | Category::Neutral) => personal,
        Some(Category::Secret) => secrets,
        Some(Category::Health) => health,
        Some(Category::Unscanned) => unscanned,
        None => personal || secrets || health || unscanned,
    })
}

/// What a type counts as, of those types that rules are mostly about.
fn category(name: &str) -> Option<Category> {
    match name {
        "email" | "phone" | "credit_card" | "iban" | "us_ssn" | "address" | "date_of_birth" | "passport"
        | "ip_address" => Some(Category::Personal),
        "password" | "private_key" | "jwt" | "openai_key" | "github_token" | "aws_access_key" => Some(Category::Secret),
        "health" | "medical_record" => Some(Category::Health),
        "unscanned" => Some(Category::Unscanned),
        _ => None,
    }
}
