//! Limits that no call can keep.

use super::Finding;
use crate::{chat::Usage, config::Settings, router::fleet::FIRST_ANSWER};

/// Limits of deployments below what one answer is expected to take, and budgets that pay for none.
pub fn limits(settings: &Settings) -> Vec<Finding> {
    let answer = FIRST_ANSWER as u64;
    let mut findings = Vec::new();
    for deployment in &settings.deployments {
        let name = &deployment.deployment.id;
        let limits = [("tpm", deployment.limits.tpm), ("output_tpm", deployment.limits.output_tpm)];
        for (limit, tokens) in limits.into_iter().filter_map(|(limit, tokens)| Some((limit, tokens?))) {
            if tokens < answer {
                findings.push(Finding::new(
                    format!("deployments.{name}.limits.{limit}"),
                    format!("{tokens} tokens a minute are less than an answer is taken to need ({answer}): only calls that write a smaller `max_tokens` fit"),
                    format!("raise it to {answer} or more"),
                ));
            }
        }
    }
    findings.extend(budgets(settings, answer));
    findings
}

fn budgets(settings: &Settings, answer: u64) -> Vec<Finding> {
    let usage = Usage { output: answer, ..Usage::default() };
    let chat = settings.deployments.iter().filter(|d| d.deployment.facts.embedding != Some(true));
    let costs = chat.filter_map(|d| d.deployment.price.as_ref()).map(|price| price.cost(&usage).usd());
    let Some(cheapest) = costs.min_by(f64::total_cmp) else { return Vec::new() };
    let short = settings.budgets.iter().filter(|budget| budget.usd < cheapest);
    short
        .map(|budget| {
            Finding::new(
                format!("budgets.{}.usd", budget.name),
                format!(
                    "{} USD do not pay for one answer of {answer} tokens on any deployment (from {cheapest:.6} USD)",
                    budget.usd
                ),
                "raise it",
            )
        })
        .collect()
}
