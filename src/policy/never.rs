//! A condition over deployments: `provider == 'openai' && !zdr`.

use std::collections::{BTreeSet, HashMap};

use cel::{
    Env, IdedExpr,
    common::{
        ast::{Expr, LiteralValue},
        value::CowVal,
    },
    context::VariableResolver,
};
use regex::Regex;
use serde_json::{Value, json};

use super::{
    bind,
    program::{Program, children, language, root},
    vocabulary::{TYPES, nearest},
};
use crate::{
    catalog::Deployment,
    chat::Map,
    error::{Error, Result},
};

/// Where mistakes in it are.
const PATH: &str = "never";
/// What can be asked of every deployment.
const OWN: [&str; 6] = ["provider", "model", "deployment", "name", "region", "tags"];

/// Of each deployment, whether `source` holds for it; the error says why that cannot be known. What a deployment does not
/// say of itself is null.
///
/// # Errors
/// A configuration error at `never` if that is no condition over deployments.
pub fn never(source: &str, deployments: &[&Deployment]) -> Result<Vec<std::result::Result<bool, String>>> {
    let env = language()?;
    let (program, patterns) = compile(&env, source, deployments)?;
    let root = root(env, patterns)?;
    Ok(deployments.iter().map(|deployment| program.holds(&root, &Facts(facts(deployment)))).collect())
}

fn compile(env: &Env, source: &str, deployments: &[&Deployment]) -> Result<(Program, HashMap<String, Regex>)> {
    let program = Program::parse(env, source, PATH)?;
    let mut names = Names::default();
    names.read(&mut program.expression().clone())?;
    let mut known: BTreeSet<&str> = deployments.iter().flat_map(|d| d.attributes.keys()).map(String::as_str).collect();
    known.extend(OWN);
    let strange = names.read.iter().find(|name| {
        let name = name.as_str();
        !known.contains(name) && !names.local.contains(name) && !TYPES.contains(&name)
    });
    match strange {
        None => Ok((program, names.patterns)),
        Some(name) => {
            let all = known.iter().copied().collect::<Vec<_>>().join(", ");
            let hint = nearest(name, known.iter().copied()).unwrap_or_else(|| format!("there are {all}"));
            Err(Error::config(PATH, format!("no deployment has `{name}`")).with_hint(Some(hint)))
        }
    }
}

/// What a condition names.
#[derive(Default)]
struct Names {
    read: BTreeSet<String>,
    local: BTreeSet<String>,
    patterns: HashMap<String, Regex>,
}

impl Names {
    fn read(&mut self, node: &mut IdedExpr) -> Result<()> {
        match &node.expr {
            Expr::Ident(name) => {
                self.read.insert(name.clone());
            }
            Expr::Comprehension(loops) => {
                self.local.extend([loops.iter_var.clone(), loops.accu_var.clone()]);
                self.local.extend(loops.iter_var2.clone());
            }
            Expr::Call(call) if call.func_name == "matches" => {
                if let Some(Expr::Literal(LiteralValue::String(text))) = call.args.last().map(|last| &last.expr) {
                    let pattern = Regex::new(text.inner())
                        .map_err(|_| Error::config(PATH, "the pattern of `matches` cannot be read"))?;
                    self.patterns.insert(text.inner().to_owned(), pattern);
                }
            }
            _ => {}
        }
        children(node).into_iter().try_for_each(|part| self.read(part))
    }
}

/// What is known of a deployment, by name.
#[derive(Debug)]
struct Facts(Map);

impl VariableResolver for Facts {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        // Names that nobody has were refused; what is absent here is absent of this deployment.
        Some(CowVal::Owned(bind::json(self.0.get(variable).unwrap_or(&Value::Null))))
    }
}

fn facts(deployment: &Deployment) -> Map {
    let mut facts = deployment.attributes.clone();
    for name in OWN {
        facts.insert(name.into(), deployment.attribute(name).unwrap_or(Value::Null));
    }
    facts.insert("tags".into(), json!(deployment.tags));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::fixture::three;

    fn of(source: &str) -> Vec<std::result::Result<bool, String>> {
        let three = three();
        never(source, &three.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn every_fact_can_be_asked() {
        assert_eq!(of("provider == 'openai'"), [Ok(true), Ok(true), Ok(false)]);
        assert_eq!(of("deployment == 'mini' || name == 'house'"), [Ok(true), Ok(false), Ok(true)]);
        assert_eq!(of("!('eu' in tags) && !zdr"), [Ok(true), Ok(false), Ok(false)]);
        assert_eq!(of("tags.exists(t, t.matches('^e'))"), [Ok(false), Ok(true), Ok(true)]);
    }

    #[test]
    fn what_a_deployment_does_not_say_is_null() {
        assert_eq!(of("region == null"), [Ok(true), Ok(false), Ok(false)]);
        assert!(of("region.startsWith('eu')")[0].is_err());
    }

    #[test]
    fn mistakes_are_told() {
        let three = three();
        let fail = |source: &str| never(source, &three.iter().collect::<Vec<_>>()).unwrap_err();
        let error = fail("provder == 'openai'");
        assert_eq!(error.context.path.as_deref(), Some("never"));
        assert_eq!(error.context.hint.as_deref(), Some("did you mean `provider`?"));
        assert!(fail("provider ==").message.starts_with("syntax error"));
        assert!(fail("name.matches('(')").message.contains("cannot be read"));
    }
}
