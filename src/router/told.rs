//! The exporter's share of a call: what a collector is told when it has ended.

use std::sync::Arc;

use super::{Router, call::Ask, execute::Run};
use crate::trace::{
    log::Entry,
    otlp::{Answer, Ended, Exporter, OtlpConfig, Parent},
};

impl Run {
    /// Keeps what spans tell of an answer, if somebody is told.
    pub(super) fn answered<'a, T>(&mut self, body: &'a T)
    where
        Answer: From<&'a T>,
    {
        if self.shared.otlp.load().is_some() {
            self.bill.answer = Some(body.into());
        }
    }

    /// Tells of the call. A caller whose own trace is not recorded gets no spans here either.
    pub(super) fn tell(&self, exporter: &Exporter, entry: Entry) {
        let parent = Parent::of(&self.call.metadata);
        if parent.is_none_or(Parent::is_sampled) {
            let embeds = matches!(self.call.ask, Ask::Embed(_));
            exporter.ended(Ended { entry, answer: self.bill.answer.clone(), embeds, parent });
        }
    }
}

impl Router {
    /// What the collector was not told, in words.
    pub(super) fn otlp_trouble(&self) -> Option<String> {
        let exporter = self.shared.otlp.load();
        let losses = exporter.as_ref()?.losses();
        let why = losses.why()?;
        Some(format!("telemetry.otlp: the spans of {} calls were dropped: {why}", losses.total()))
    }

    /// Calls whose spans were dropped.
    pub(super) fn otlp_lost(&self) -> Option<u64> {
        self.shared.otlp.load().as_ref().map(|exporter| exporter.losses().total())
    }
}

/// The exporter for these settings: the one there is, if they have not changed.
pub(super) fn renewed(before: Option<Arc<Exporter>>, config: Option<OtlpConfig>) -> Option<Arc<Exporter>> {
    let config = config?;
    let same = before.filter(|exporter| *exporter.config() == config);
    Some(same.unwrap_or_else(|| Arc::new(Exporter::new(config))))
}
