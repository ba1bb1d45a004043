//! The time limits of an attempt: how long silence is borne, and by whom.

use std::time::Duration;

use super::{
    attempt::Limits,
    call::Ask,
    execute::Run,
    fleet::{Target, resilience},
};
use crate::{
    catalog::Ability,
    chat::ChatChunk,
    clock,
    error::{Error, ErrorKind},
    resilience::{
        ResilienceConfig,
        throughput::{Meter, ThroughputConfig},
    },
};

/// The share of the remaining time that one silent attempt may use up while somebody else is ready: a provider that never
/// answers must not take the whole of a short deadline with it.
const SHARE: f64 = 2.0 / 3.0;

/// The patience with a stream after its first content: a limit on its silence, and one on its slowness. Only the time that
/// is spent waiting for the provider counts.
#[derive(Debug)]
pub(super) struct Patience {
    stall: Duration,
    silent: Duration,
    meter: Option<Meter>,
    config: ThroughputConfig,
}

impl Patience {
    /// With a stream that has just brought its first content; `throughput` where somebody else would be faster.
    pub(super) fn new(stall: Duration, throughput: Option<ThroughputConfig>) -> Self {
        let config = throughput.unwrap_or_default();
        Self { stall, silent: Duration::ZERO, meter: Meter::new(config), config }
    }

    /// What is left of it.
    pub(super) fn left(&self) -> Duration {
        let silence = self.silence();
        self.meter.as_ref().map_or(silence, |meter| meter.patience().min(silence))
    }

    fn silence(&self) -> Duration {
        self.stall.saturating_sub(self.silent)
    }

    /// The provider was waited for.
    pub(super) fn waited(&mut self, took: Duration) {
        self.silent += took;
        if let Some(meter) = &mut self.meter {
            meter.wait(took);
        }
    }

    /// `chunk` came. Events without content, however many, change nothing.
    pub(super) fn got(&mut self, chunk: &ChatChunk) {
        if chunk.has_content() {
            self.silent = Duration::ZERO;
            if let Some(meter) = &mut self.meter {
                meter.receive(chunk.tokens());
            }
        }
    }

    /// The end of the patience in words: of a stream that was not silent, but slow.
    pub(super) fn explain(&self, mut error: Error, target: &Target) -> Error {
        if error.kind == ErrorKind::Timeout && self.left() < self.silence() {
            let ThroughputConfig { min, window } = self.config;
            let (id, seconds) = (&target.deployment().id, window.as_secs_f64());
            error.message = format!("`{id}` sent fewer than {min} tokens a second over {seconds} s");
        }
        error
    }
}

impl Run {
    /// The time limits of an attempt on `index`. The guards against silence hold while somebody else is ready; they are
    /// longer for long prompts, and for models that think before they speak.
    pub(super) fn limits(&self, index: usize, target: &Target) -> Limits {
        let ResilienceConfig { timeouts, throughput, .. } = resilience(target, self.plan.lane.as_deref());
        let ready = self.walk.has_alternative(index);
        let patience = self.patience(target);
        let most = self.deadline.remaining(clock::now()).mul_f64(SHARE);
        let guard = |limit: Duration| ready.then(|| (limit.mul_f64(patience) + self.reading_time()).min(most));
        Limits {
            connect: timeouts.connect,
            first_byte: guard(timeouts.first_byte),
            first_token: guard(timeouts.first_token),
            stall: timeouts.stall,
            throughput: ready.then_some(throughput),
            response: timeouts.response,
            deadline: self.deadline,
        }
    }

    /// How much longer a model may take to its first token than the configured limit.
    fn patience(&self, target: &Target) -> f64 {
        /// A model that can reason may do so unasked, for a little.
        const MAY_REASON: f64 = 1.3;
        /// A caller who asks for effort expects to wait: reasoning at medium effort takes up to a minute.
        const ASKED_TO_REASON: f64 = 6.0;
        let Ask::Chat(request) = &self.plan.ask else { return 1.0 };
        match request.reasoning_effort.as_deref() {
            Some("none" | "minimal" | "low") => 1.0,
            Some(_) => ASKED_TO_REASON,
            None if target.deployment().facts.has(Ability::Reasoning) == Some(true) => MAY_REASON,
            None => 1.0,
        }
    }

    /// Time to read the prompt: prefill at no less than 4,000 tokens a second.
    fn reading_time(&self) -> Duration {
        Duration::from_secs(self.plan.units.input / 4_000)
    }
}
