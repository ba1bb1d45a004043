//! The words of conditions: variables, fields, functions, and what each is.

use crate::signals::own::Yields;

/// What an expression yields, as far as it can be known before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Number,
    Text,
    Time,
    Duration,
    List,
    Map,
    Null,
    /// A type, as `type(x)` yields it.
    Type,
    /// Known only when it runs.
    Any,
}

impl Kind {
    /// In words.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::Time => "a timestamp",
            Self::Duration => "a duration",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Null => "null",
            Self::Type => "a type",
            Self::Any => "any value",
        }
    }

    /// Whether it is, or may turn out to be, `other`.
    pub(super) fn may_be(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }
}

impl From<Yields> for Kind {
    fn from(yields: Yields) -> Self {
        match yields {
            Yields::Any => Self::Any,
            Yields::Bool => Self::Bool,
            Yields::Number => Self::Number,
            Yields::Text => Self::Text,
            Yields::Map => Self::Map,
        }
    }
}

/// Words of CEL that no variable can have as its name.
const RESERVED: [&str; 23] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "dyn",
    "optional",
];

/// Why a signal of the user's own cannot have this name, if so.
pub fn unfit(name: &str) -> Option<&'static str> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(word) {
        return Some("a name is letters of English, digits and `_`, and begins with no digit");
    }
    if look_up(&VARIABLES, name).is_some() {
        return Some("a signal has this name already");
    }
    let taken = RESERVED.contains(&name) || TYPES.contains(&name) || function(name).is_some();
    taken.then_some("this word means something in conditions")
}

/// Every variable.
pub(super) const VARIABLES: [(&str, Kind); 25] = [
    ("text", Kind::Text),
    ("tokens", Kind::Number),
    ("intent", Kind::Text),
    ("intents", Kind::Map),
    ("complexity", Kind::Number),
    ("language", Kind::Text),
    ("has_images", Kind::Bool),
    ("has_audio", Kind::Bool),
    ("has_files", Kind::Bool),
    ("has_tools", Kind::Bool),
    ("has_schema", Kind::Bool),
    ("stream", Kind::Bool),
    ("turns", Kind::Number),
    ("tool_errors", Kind::Number),
    ("repeats", Kind::Number),
    ("needs", Kind::List),
    ("sensitive", Kind::Map),
    ("injection", Kind::Number),
    ("tags", Kind::List),
    ("metadata", Kind::Map),
    ("user", Kind::Text),
    ("session", Kind::Text),
    ("model", Kind::Text),
    ("budgets", Kind::Map),
    ("now", Kind::Time),
];

/// The fields of `sensitive`.
pub(super) const SENSITIVE: [(&str, Kind); 5] = [
    ("any", Kind::Bool),
    ("personal", Kind::Bool),
    ("secrets", Kind::Bool),
    ("health", Kind::Bool),
    ("types", Kind::List),
];

/// The names of types, which are values too.
pub(super) const TYPES: [&str; 10] =
    ["null_type", "bool", "int", "uint", "double", "string", "bytes", "list", "map", "type"];

/// Every function and macro with what it yields.
const FUNCTIONS: [(&str, Kind); 46] = [
    ("size", Kind::Number),
    ("contains", Kind::Bool),
    ("startsWith", Kind::Bool),
    ("endsWith", Kind::Bool),
    ("matches", Kind::Bool),
    ("string", Kind::Text),
    ("int", Kind::Number),
    ("uint", Kind::Number),
    ("double", Kind::Number),
    ("bool", Kind::Bool),
    ("bytes", Kind::Any),
    ("dyn", Kind::Any),
    ("type", Kind::Type),
    ("timestamp", Kind::Time),
    ("duration", Kind::Duration),
    ("getFullYear", Kind::Number),
    ("getMonth", Kind::Number),
    ("getDate", Kind::Number),
    ("getDayOfMonth", Kind::Number),
    ("getDayOfWeek", Kind::Number),
    ("getDayOfYear", Kind::Number),
    ("getHours", Kind::Number),
    ("getMinutes", Kind::Number),
    ("getSeconds", Kind::Number),
    ("getMilliseconds", Kind::Number),
    ("hasValue", Kind::Bool),
    ("orValue", Kind::Any),
    ("or", Kind::Any),
    ("value", Kind::Any),
    ("charAt", Kind::Text),
    ("lowerAscii", Kind::Text),
    ("upperAscii", Kind::Text),
    ("trim", Kind::Text),
    ("replace", Kind::Text),
    ("substring", Kind::Text),
    ("reverse", Kind::Any),
    ("join", Kind::Text),
    ("indexOf", Kind::Number),
    ("lastIndexOf", Kind::Number),
    ("split", Kind::List),
    ("has", Kind::Bool),
    ("all", Kind::Bool),
    ("exists", Kind::Bool),
    ("exists_one", Kind::Bool),
    ("filter", Kind::List),
    ("map", Kind::List),
];

/// Functions that are called on a string and on nothing else.
const OF_TEXT: [&str; 14] = [
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "charAt",
    "lowerAscii",
    "upperAscii",
    "trim",
    "replace",
    "substring",
    "indexOf",
    "lastIndexOf",
    "split",
    "reverse",
];

/// What `function` yields, if there is such a function.
pub(super) fn function(name: &str) -> Option<Kind> {
    look_up(&FUNCTIONS, name)
}

/// Whether `function` is called on a string and on nothing else.
pub(super) fn is_of_text(function: &str) -> bool {
    OF_TEXT.contains(&function)
}

/// What stands under `name` in `table`.
pub(super) fn look_up(table: &[(&str, Kind)], name: &str) -> Option<Kind> {
    table.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// A hint at the variable or field that was probably meant.
pub(super) fn like_variable<'a>(name: &str, own: impl Iterator<Item = &'a str>) -> Option<String> {
    // By what people call it elsewhere.
    let known = match name {
        "pii" | "is_sensitive" | "contains_pii" | "has_pii" => Some("sensitive.any"),
        "prompt" | "message" | "content" | "input" => Some("text"),
        "difficulty" => Some("complexity"),
        "token_count" | "prompt_tokens" | "length" => Some("tokens"),
        "lang" => Some("language"),
        "time" | "date" | "hour" => Some("now"),
        _ => None,
    };
    if let Some(known) = known {
        return Some(did_you_mean(known));
    }
    let fields: Vec<String> = SENSITIVE.iter().map(|(field, _)| format!("sensitive.{field}")).collect();
    let built_in = VARIABLES.iter().map(|(known, _)| *known).chain(fields.iter().map(String::as_str));
    nearest(name, built_in.chain(own.collect::<Vec<_>>()))
        .or_else(|| look_up(&SENSITIVE, name).map(|_| did_you_mean(&format!("sensitive.{name}"))))
}

/// A hint at the function that was probably meant.
pub(super) fn like_function(name: &str) -> Option<String> {
    match name {
        "lower" | "toLowerCase" | "toLower" => Some(did_you_mean("lowerAscii")),
        "len" | "length" | "count" => Some(did_you_mean("size")),
        "any" | "some" => Some(did_you_mean("exists")),
        "now" => Some("`now` is a variable: write it without brackets".into()),
        _ => nearest(name, FUNCTIONS.iter().map(|(known, _)| *known)),
    }
}

/// A hint at the nearest of `known`, if one is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    const NEAR: f64 = 0.6;
    known
        .map(|word| (strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &word.to_lowercase()), word))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| did_you_mean(word))
}

/// ``did you mean `word`?``
pub(super) fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}
