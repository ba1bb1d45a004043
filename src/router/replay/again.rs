//! One past request, decided again by the code that plans each one.

use std::{collections::HashMap, sync::Arc};

use crate::{
    chat::{ChatRequest, EmbedRequest, Map},
    clock,
    error::Result,
    id::{DeploymentId, RequestId},
    policy::{Reads, Recalled, Spender},
    router::{
        budget::Budgets,
        call::{Ask, Call},
        fleet::{Fleet, Named},
        plan::{Again, View, compose},
        read::{Needs, Reading, apply},
        redact::unredactable,
    },
    signals::Signals,
    trace::{Decision, Facts},
};

/// A past request, as its record has it.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The identity of the call.
    pub id: &'a str,
    /// What the caller asked for.
    pub requested: &'a str,
    /// When it began, in seconds since 1970.
    pub at: f64,
    /// The signals that were computed.
    pub signals: &'a Map,
    /// What else the decision rested on.
    pub facts: &'a Facts,
}

/// What is supposed of the world, beside what the record says of it.
#[derive(Debug, Default)]
pub struct World {
    /// How fast deployments were that a decision did not consider: median seconds.
    pub paces: HashMap<DeploymentId, f64>,
    /// Deployments that are supposed to be down.
    pub down: Vec<String>,
    /// What was spent until then; absent where the record says who had no room.
    pub budgets: Option<Budgets>,
}

/// The signals that rules ask for and the record lacks; nothing is guessed for them.
pub type Lacking = Vec<&'static str>;

/// Decides `case` again over `fleet`.
///
/// # Errors
/// [`crate::error::ErrorKind::UnknownModel`], or [`crate::error::ErrorKind::Strategy`] of the user's own strategy. What the
/// record lacks is the inner error.
pub fn again(fleet: &Fleet, case: Case<'_>, world: &World) -> Result<std::result::Result<Decision, Lacking>> {
    let mut signals = Signals::recalled(case.signals, case.facts.token_error);
    let call = call(&signals, case);
    let named = fleet.resolve(&call.model)?;
    if let Some(budgets) = &world.budgets {
        let who = Spender { route: &call.model, deployment: "", user: &signals.user, tags: &signals.tags };
        signals.budgets = fleet.policy.reads().budgets.then(|| budgets.shares(who, case.at));
    }
    let recalled = Recalled { conditions: &case.facts.conditions };
    let lacking = lacking(fleet, case, &signals, &recalled);
    if !lacking.is_empty() {
        return Ok(Err(lacking));
    }
    let verdict = fleet.policy.evaluate_recalled(&signals, matches!(named, Named::Deployment(_)), &recalled);
    let ask = apply(&call, &verdict)?;
    let refusal = unredactable(&verdict, signals.sensitive.as_ref());
    let needs = Needs {
        abilities: case.facts.abilities.clone(),
        tokens: signals.tokens,
        max_tokens: case.facts.max_tokens,
        embed: case.facts.embed,
    };
    let nothing = Budgets::default();
    let down: Vec<String> = world.down.clone();
    let view = View {
        places: &[],
        now: clock::now(),
        unix: case.at,
        sticky: case.facts.sticky.as_ref(),
        budgets: world.budgets.as_ref().unwrap_or(&nothing),
        draw: case.facts.draw,
        again: Some(Again { facts: case.facts, paces: &world.paces, down: &down, spent: world.budgets.is_some() }),
    };
    let reading = Reading { named, signals, needs, verdict, ask };
    let plan = compose(fleet, &call, reading, RequestId::from(case.id), view)?;
    let mut decision = plan.decision.into_inner();
    if let Some(error) = refusal {
        decision.refuse(&error);
        decision.basis.planned = None;
    }
    Ok(Ok(decision))
}

/// The call without its content.
fn call(signals: &Signals, case: Case<'_>) -> Call {
    let ask = if case.facts.embed {
        Ask::Embed(Arc::new(EmbedRequest { user: Some(signals.user.clone()), ..EmbedRequest::default() }))
    } else {
        let request = ChatRequest {
            max_tokens: case.facts.max_tokens,
            user: Some(signals.user.clone()),
            ..ChatRequest::default()
        };
        Ask::Chat(Arc::new(request))
    };
    Call {
        model: case.requested.to_owned(),
        tags: signals.tags.clone(),
        metadata: signals.metadata.clone(),
        session: Some(signals.session.clone()).filter(|session| !session.is_empty()),
        max_cost: case.facts.max_cost,
        stream: signals.stream,
        ..Call::new(ask)
    }
}

/// What some rule asks for and the record lacks.
fn lacking(fleet: &Fleet, case: Case<'_>, signals: &Signals, recalled: &Recalled<'_>) -> Lacking {
    let Reads { sensitive, intent, complexity, language, injection, budgets, metadata, .. } = fleet.policy.reads();
    let another = || case.facts.sensitive.as_ref() != Some(&fleet.sensitive());
    [
        ("text", fleet.policy.wants_text(recalled)),
        ("sensitive", sensitive && (signals.sensitive.is_none() || another())),
        ("intent", intent && signals.intent.is_none()),
        ("complexity", complexity && signals.complexity.is_none()),
        ("language", language && signals.language.is_none()),
        ("injection", injection && signals.injection.is_none()),
        ("budgets", budgets && signals.budgets.is_none()),
        ("metadata", metadata && !case.signals.contains_key("metadata")),
    ]
    .into_iter()
    .filter_map(|(name, lacks)| lacks.then_some(name))
    .collect()
}
