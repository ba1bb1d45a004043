//! A scenario of a simulation: who asks for what, how the providers behave, and what goes wrong when.
//!
//! It is a file of the user like the configuration, and is read the same way: strictly, every mistake with its place and a
//! hint. What it says is plain data; [`crate::simulate`] plays it.

mod aim;
mod builtin;
mod read;
#[cfg(test)]
mod tests;

use std::{path::Path, time::Duration};

use serde_json::Value;

pub use self::{
    aim::aimed,
    builtin::{BUILTIN, Builtin},
};
use super::{
    load::{first_of, written},
    parse,
    reader::{Node, Report},
};
use crate::{
    chat::Map,
    error::{Error, Result},
};

/// How a message calls a scenario that is no file.
const UNNAMED: &str = "scenario";

/// A whole scenario, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What reports call it.
    pub name: String,
    /// How long it goes on asking; calls under way at the end are waited for.
    pub duration: Duration,
    /// The width of a column in the report.
    pub step: Duration,
    /// Who asks, for what, how often.
    pub traffic: Vec<Traffic>,
    /// How providers and deployments behave; what comes later is laid over what came before.
    pub behaviour: Vec<Placed>,
    /// What goes wrong at which time.
    pub outages: Vec<Outage>,
    /// What goes wrong by chance.
    pub chance: Option<Chance>,
}

/// One kind of callers.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// Calls a minute, on the average.
    pub rpm: f64,
    /// Whether they come at random moments (as independent callers do), or in even steps.
    pub random: bool,
    /// When they begin, from the start.
    pub at: Duration,
    /// For how long; absent means to the end.
    pub lasts: Option<Duration>,
    /// What they ask for: a route, a deployment or `provider/model`.
    pub model: String,
    /// What they say, in turn; empty means a neutral text of `prompt_tokens`.
    pub prompts: Vec<String>,
    /// Tokens of the neutral text.
    pub prompt_tokens: Spread,
    /// Tokens of the answer.
    pub answer_tokens: Spread,
    /// The share that wants a stream, 0..=1.
    pub stream: f64,
    /// The time they give.
    pub timeout: Option<Duration>,
    /// The share that leaves before the answer is there, 0..=1.
    pub leave: f64,
    /// Labels of the request.
    pub tags: Vec<String>,
    /// Facts of the request.
    pub metadata: Map,
    /// The end user.
    pub user: Option<String>,
    /// How many conversations they belong to; none means that the calls have nothing to do with each other.
    pub sessions: u32,
}

/// A quantity that varies: half of the draws are below `p50`, one in twenty is above `p95`. Drawn from a log-normal distribution,
/// as waiting times and lengths of texts are found to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
}

/// Behaviour, and whose.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// A provider (`openai`), a deployment, a glob over deployments or `tag:NAME`.
    pub on: String,
    /// Where it is written, for messages.
    pub path: String,
    /// What is said of it.
    pub patch: Patch,
}

/// What is said of a provider's behaviour; what is absent stays as it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// Seconds to the first token.
    pub first_token: Option<Spread>,
    /// Tokens a second after it.
    pub tokens_per_second: Option<f64>,
    /// Requests that it works on at once.
    pub capacity: Option<u32>,
    /// What becomes of those above.
    pub when_full: Option<WhenFull>,
    /// Requests a minute that it takes; those above get 429 with a Retry-After.
    pub rpm: Option<u32>,
    /// Shares of requests that meet a fault.
    pub faults: Option<Vec<(Fault, f64)>>,
    /// What it asks for in `Retry-After` with a 429 or a 503.
    pub retry_after: Option<Duration>,
}

/// What becomes of a request that finds all places taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It waits, the first come first.
    Queue,
    /// It is refused with this status.
    Refuse(u16),
}

/// One thing that goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Answered with this status and an error.
    Status(u16),
    /// No connection, at once; answers under way are cut when it begins.
    Down,
    /// No connection, in silence.
    Blackhole,
    /// The connection breaks after the request was sent.
    Reset,
    /// The request is taken, and nothing ever comes.
    Hang,
    /// The answer is cut in the middle.
    Cut,
    /// The answer falls silent in the middle.
    Stall,
    /// A success whose body is no answer.
    Garbage,
    /// Everything takes longer.
    Slow,
}

/// Something that goes wrong for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Outage {
    /// Whose requests: as in [`Placed::on`], any of these.
    pub on: Vec<String>,
    /// Where it is written, for messages.
    pub path: String,
    /// When it begins, from the start.
    pub at: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// What goes wrong.
    pub fault: Fault,
    /// The share of requests that it befalls, 0..=1.
    pub share: f64,
    /// How many times longer everything takes (`slow`).
    pub factor: f64,
    /// What is asked for in `Retry-After` with a 429 or a 503.
    pub retry_after: Option<Duration>,
}

/// Outages that come by chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Chance {
    /// Who has them, each for itself: as in [`Placed::on`], any of these.
    pub on: Vec<String>,
    /// Where it is written, for messages.
    pub path: String,
    /// The mean time from the end of one to the beginning of the next.
    pub every: Duration,
    /// The mean time that one lasts.
    pub lasts: Duration,
    /// What may go wrong, each as likely as the others.
    pub faults: Vec<Fault>,
}

impl Fault {
    /// As scenarios and reports spell it.
    pub fn name(self) -> String {
        match self {
            Self::Status(status) => status.to_string(),
            Self::Down => "down".into(),
            Self::Blackhole => "blackhole".into(),
            Self::Reset => "reset".into(),
            Self::Hang => "hang".into(),
            Self::Cut => "cut".into(),
            Self::Stall => "stall".into(),
            Self::Garbage => "garbage".into(),
            Self::Slow => "slow".into(),
        }
    }
}

impl Scenario {
    /// From a file, its format told by its extension.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) with the first mistake and its place, or the file cannot be read.
    pub fn from_path(path: &Path) -> Result<Self> {
        let (value, file) = written(path)?;
        Self::checked(&value, Some(&file))
    }

    /// From a mapping of the same structure.
    ///
    /// # Errors
    /// As [`Self::from_path`].
    pub fn from_value(value: &Value) -> Result<Self> {
        Self::checked(value, None)
    }

    /// One of [`BUILTIN`], for the deployments that `on` names.
    ///
    /// # Errors
    /// There is none of this name; the hint has the nearest.
    pub fn builtin(name: &str, on: &str) -> Result<Self> {
        let Some(builtin) = BUILTIN.iter().find(|builtin| builtin.name == name) else {
            let hint = super::hint::or_listed(name, BUILTIN.iter().map(|builtin| builtin.name));
            let message = format!("no scenario is called `{name}`, and no file");
            return Err(Error::config(UNNAMED, message).with_hint(hint));
        };
        let mut value = parse::parse(builtin.text, super::Format::Toml, name)?;
        builtin::aim(&mut value, on);
        value["name"] = name.into();
        Self::checked(&value, None)
    }

    fn checked(value: &Value, file: Option<&str>) -> Result<Self> {
        if parse::depth(value) > parse::DEEPEST {
            let message = format!("it is nested deeper than {} levels", parse::DEEPEST);
            return Err(Error::config(file.unwrap_or(UNNAMED), message));
        }
        let report = Report::default();
        let read = read::scenario(&Node { value, path: String::new(), report: &report });
        let problems = report.into_problems();
        match read {
            Some(scenario) if problems.is_empty() => Ok(scenario),
            _ => Err(first_of(problems, value, Some(file.unwrap_or(UNNAMED)))),
        }
    }
}
