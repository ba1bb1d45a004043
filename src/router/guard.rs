//! The time limits of an attempt: how long silence is borne, and by whom.

use std::time::Duration;

use super::{
    attempt::Limits,
    call::Ask,
    execute::Run,
    fleet::{Target, resilience},
};
use crate::{catalog::Ability, clock};

/// The share of the remaining time that one silent attempt may use up while somebody else is ready: a provider that never
/// answers must not take the whole of a short deadline with it.
const SHARE: f64 = 2.0 / 3.0;

impl Run {
    /// The time limits of an attempt on `index`. The guards against silence hold while somebody else is ready; they are
    /// longer for long prompts, and for models that think before they speak.
    pub(super) fn limits(&self, index: usize, target: &Target) -> Limits {
        let timeouts = resilience(target, self.plan.lane.as_deref()).timeouts;
        let ready = self.walk.has_alternative(index);
        let patience = self.patience(target);
        let most = self.deadline.remaining(clock::now()).mul_f64(SHARE);
        let guard = |limit: Duration| ready.then(|| (limit.mul_f64(patience) + self.reading_time()).min(most));
        Limits {
            connect: timeouts.connect,
            first_byte: guard(timeouts.first_byte),
            first_token: guard(timeouts.first_token),
            stall: timeouts.stall,
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
