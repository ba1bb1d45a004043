//! Finds the mistakes in a condition before it runs: unknown names, kinds that do not fit, intents that do not exist.

use std::collections::HashMap;

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use regex::Regex;

use super::{
    compile::Reads,
    vocabulary::{self, Kind, SENSITIVE, TYPES, VARIABLES, look_up},
};
use crate::signals::own::Shape;

/// What the configuration knows by name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Every intent; empty means that they are not known and are not checked.
    pub intents: &'a [String],
    /// The user's own signals.
    pub own: &'a [Shape],
}

/// What is wrong with a condition, and with which of its nodes.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) at: u64,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// What checking found out.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// The signals it looks at.
    pub(super) reads: Reads,
    /// The patterns of `matches`.
    pub(super) patterns: HashMap<String, Regex>,
}

type Found = Result<Kind, Mistake>;

/// Checks a whole condition.
pub(super) fn check(condition: &IdedExpr, known: &Known<'_>) -> Result<Checked, Mistake> {
    let mut checker = Checker { known, locals: Vec::new(), found: Checked::default() };
    let kind = checker.kind(condition)?;
    if !kind.may_be(Kind::Bool) {
        let hint = is_variable(condition, "sensitive").then(|| vocabulary::did_you_mean("sensitive.any"));
        return mistake(condition, format!("the condition is {}, not true or false", kind.title()), hint);
    }
    Ok(checker.found)
}

struct Checker<'a> {
    known: &'a Known<'a>,
    /// Variables of `exists`, `all` and the like, innermost last.
    locals: Vec<(&'a str, Kind)>,
    found: Checked,
}

impl<'a> Checker<'a> {
    fn kind(&mut self, node: &'a IdedExpr) -> Found {
        match &node.expr {
            Expr::Literal(literal) => Ok(of_literal(literal)),
            Expr::Ident(name) => self.variable(node, name),
            Expr::Select(select) => self.field(node, select),
            Expr::Call(call) => self.call(node, call),
            Expr::Comprehension(loops) => self.comprehension(loops),
            Expr::List(list) => {
                list.elements.iter().try_for_each(|item| self.kind(item).map(drop))?;
                Ok(Kind::List)
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.kind(&entry.key)?;
                        self.kind(&entry.value)?;
                    }
                }
                Ok(Kind::Map)
            }
            Expr::Struct(_) | Expr::Unspecified => mistake(node, "conditions make no messages".into(), None),
        }
    }

    fn variable(&mut self, node: &IdedExpr, name: &str) -> Found {
        if let Some((_, kind)) = self.locals.iter().rev().find(|(local, _)| *local == name) {
            return Ok(*kind);
        }
        if let Some(kind) = look_up(&VARIABLES, name) {
            self.found.reads.note(name);
            return Ok(kind);
        }
        if let Some(at) = self.known.own.iter().position(|own| own.name == name) {
            self.found.reads.own |= 1_u64.checked_shl(at as u32).unwrap_or_default();
            return Ok(self.known.own[at].yields.into());
        }
        if TYPES.contains(&name) {
            return Ok(Kind::Type);
        }
        let own = self.known.own.iter().map(|own| own.name.as_str());
        mistake(node, format!("there is no variable `{name}`"), vocabulary::like_variable(name, own))
    }

    fn field(&mut self, node: &IdedExpr, select: &'a SelectExpr) -> Found {
        let of = self.kind(&select.operand)?;
        if !of.may_be(Kind::Map) {
            return mistake(node, format!("`{}` is asked of {}", select.field, of.title()), None);
        }
        let kind = self.key(node, &select.operand, &select.field)?;
        Ok(if select.test { Kind::Bool } else { kind })
    }

    /// What stands under a key of a map whose keys are known.
    fn key(&self, node: &IdedExpr, map: &IdedExpr, key: &str) -> Found {
        if is_variable(map, "sensitive") {
            let fields = SENSITIVE.iter().map(|(field, _)| *field);
            let missing = || Mistake {
                at: node.id,
                message: format!("`sensitive` has no `{key}`"),
                hint: vocabulary::nearest(key, fields)
                    .map(|hint| hint.replacen('`', "`sensitive.", 1))
                    .or_else(|| Some("it has any, personal, secrets, health and types".into())),
            };
            return look_up(&SENSITIVE, key).ok_or_else(missing);
        }
        if is_variable(map, "intents") {
            self.intent(node, key)?;
            return Ok(Kind::Number);
        }
        if let Some(own) = self.known.own.iter().find(|own| is_variable(map, &own.name) && !own.fields.is_empty()) {
            let names = own.fields.iter().map(|(name, _)| name.as_str());
            let hint = vocabulary::nearest(key, names.clone())
                .or_else(|| Some(format!("it has {}", names.collect::<Vec<_>>().join(", "))));
            let missing = || Mistake { at: node.id, message: format!("`{}` has no `{key}`", own.name), hint };
            let field = own.fields.iter().find(|(name, _)| name == key);
            return field.map(|(_, yields)| (*yields).into()).ok_or_else(missing);
        }
        Ok(if is_variable(map, "budgets") { Kind::Number } else { Kind::Any })
    }

    fn intent(&self, node: &IdedExpr, name: &str) -> Result<(), Mistake> {
        let intents = self.known.intents;
        if intents.is_empty() || name == "other" || intents.iter().any(|known| known == name) {
            return Ok(());
        }
        let hint = vocabulary::nearest(name, intents.iter().map(String::as_str))
            .or_else(|| Some(format!("there are {} and other", intents.join(", "))));
        mistake(node, format!("there is no intent `{name}`"), hint)
    }

    fn call(&mut self, node: &'a IdedExpr, call: &'a CallExpr) -> Found {
        if let Some(target) = &call.target {
            return self.method(node, target, call);
        }
        let mut kinds = Vec::with_capacity(call.args.len());
        for argument in &call.args {
            kinds.push(self.kind(argument)?);
        }
        match (call.func_name.as_str(), call.args.as_slice(), kinds.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, parts, _) => {
                parts.iter().zip(&kinds).try_for_each(|(part, kind)| truth(part, *kind))?;
                Ok(Kind::Bool)
            }
            (operators::CONDITIONAL, [condition, ..], [first, then, other]) => {
                truth(condition, *first)?;
                Ok(if then == other { *then } else { Kind::Any })
            }
            (operators::EQUALS | operators::NOT_EQUALS, [a, b], [left, right]) => {
                self.intents_in(a, b)?;
                self.intents_in(b, a)?;
                comparable(node, *left, *right)
            }
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                _,
                [left, right],
            ) => comparable(node, *left, *right),
            (operators::IN, [item, list], [_, kind]) => self.membership(node, item, list, *kind),
            (operators::INDEX, [map, key], [of, _]) => {
                if !of.may_be(Kind::Map) && *of != Kind::List {
                    return mistake(node, format!("{} has no parts", of.title()), None);
                }
                literal(key).map_or(Ok(Kind::Any), |key| self.key(node, map, key))
            }
            (name, _, _) if is_arithmetic(name) => Ok(arithmetic(&kinds)),
            (operators::OPT_INDEX | operators::OPT_SELECT, ..) => Ok(Kind::Any),
            (operators::NOT_STRICTLY_FALSE, ..) => Ok(Kind::Bool),
            ("matches", [_, pattern], _) => self.pattern(pattern),
            (name, _, _) => function(node, name),
        }
    }

    fn method(&mut self, node: &'a IdedExpr, target: &'a IdedExpr, call: &'a CallExpr) -> Found {
        let name = call.func_name.as_str();
        let yields = function(node, name)?;
        let of = self.kind(target)?;
        call.args.iter().try_for_each(|argument| self.kind(argument).map(drop))?;
        if vocabulary::is_of_text(name) && !of.may_be(Kind::Text) && !(name == "reverse" && of == Kind::List) {
            let hint = (name == "contains").then(|| "to look into a list or a map write `'x' in …`".into());
            return mistake(node, format!("`{name}` is for strings, and this is {}", of.title()), hint);
        }
        match call.args.as_slice() {
            [pattern] if name == "matches" => self.pattern(pattern),
            _ => Ok(yields),
        }
    }

    /// A pattern must be written out, so that it is compiled once and never comes from a request.
    fn pattern(&mut self, node: &IdedExpr) -> Found {
        let Some(text) = literal(node) else {
            return mistake(node, "the pattern of `matches` must be written out".into(), None);
        };
        match Regex::new(text) {
            Ok(pattern) => {
                self.found.patterns.insert(text.to_owned(), pattern);
                Ok(Kind::Bool)
            }
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                mistake(node, format!("the pattern cannot be read: {reason}"), None)
            }
        }
    }

    fn membership(&mut self, node: &IdedExpr, item: &IdedExpr, list: &IdedExpr, kind: Kind) -> Found {
        if !kind.may_be(Kind::List) && kind != Kind::Map {
            let hint = (kind == Kind::Text).then(|| "for a part of a string write `….contains('x')`".into());
            return mistake(node, format!("`in` looks into a list or a map, and this is {}", kind.title()), hint);
        }
        if let Expr::List(list) = &list.expr {
            list.elements.iter().try_for_each(|element| self.intents_in(item, element))?;
        }
        if is_variable(list, "intents") || is_variable(list, "sensitive") {
            literal(item).map_or(Ok(Kind::Any), |key| self.key(item, list, key))?;
        }
        Ok(Kind::Bool)
    }

    /// If `variable` is `intent`, then `value` must be an intent.
    fn intents_in(&self, variable: &IdedExpr, value: &IdedExpr) -> Result<(), Mistake> {
        match literal(value) {
            Some(name) if is_variable(variable, "intent") => self.intent(value, name),
            _ => Ok(()),
        }
    }

    fn comprehension(&mut self, loops: &'a ComprehensionExpr) -> Found {
        let range = self.kind(&loops.iter_range)?;
        if !range.may_be(Kind::List) && range != Kind::Map {
            return mistake(&loops.iter_range, format!("{} has no parts to go through", range.title()), None);
        }
        let names = std::iter::once(&loops.iter_var).chain(&loops.iter_var2);
        if let Some(name) = names.clone().find(|name| look_up(&VARIABLES, name).is_some()) {
            return mistake(
                &loops.iter_range,
                format!("`{name}` is a variable already"),
                Some("take another name".into()),
            );
        }
        let accumulated = self.kind(&loops.accu_init)?;
        let outer = self.locals.len();
        self.locals.extend(names.map(|name| (name.as_str(), Kind::Any)));
        self.locals.push((&loops.accu_var, accumulated));
        let kind = self
            .kind(&loops.loop_cond)
            .and_then(|_| self.kind(&loops.loop_step))
            .and_then(|_| self.kind(&loops.result));
        self.locals.truncate(outer);
        kind
    }
}

fn function(node: &IdedExpr, name: &str) -> Found {
    match vocabulary::function(name) {
        Some(kind) => Ok(kind),
        None => mistake(node, format!("there is no function `{name}`"), vocabulary::like_function(name)),
    }
}

fn truth(node: &IdedExpr, kind: Kind) -> Result<(), Mistake> {
    if kind.may_be(Kind::Bool) {
        return Ok(());
    }
    let hint = is_variable(node, "sensitive").then(|| vocabulary::did_you_mean("sensitive.any"));
    mistake(node, format!("a part of the condition is {}, not true or false", kind.title()), hint)
}

fn comparable(node: &IdedExpr, left: Kind, right: Kind) -> Found {
    if left.may_be(right) {
        return Ok(Kind::Bool);
    }
    let hint = match (left, right) {
        (Kind::Null, Kind::Text) | (Kind::Text, Kind::Null) => Some("an absent one is `\"\"`".into()),
        (Kind::List, Kind::Text) | (Kind::Text, Kind::List) => Some("to look into a list write `'x' in …`".into()),
        _ => None,
    };
    mistake(node, format!("{} is compared with {}", left.title(), right.title()), hint)
}

fn is_arithmetic(name: &str) -> bool {
    let operators = [operators::ADD, operators::SUBSTRACT, operators::MULTIPLY, operators::DIVIDE, operators::MODULO];
    name == operators::NEGATE || operators.contains(&name)
}

fn arithmetic(kinds: &[Kind]) -> Kind {
    match kinds {
        [Kind::Number] | [Kind::Number, Kind::Number] => Kind::Number,
        [Kind::Text, Kind::Text] => Kind::Text,
        _ => Kind::Any,
    }
}

fn of_literal(literal: &LiteralValue) -> Kind {
    match literal {
        LiteralValue::Boolean(_) => Kind::Bool,
        LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => Kind::Number,
        LiteralValue::String(_) => Kind::Text,
        LiteralValue::Null => Kind::Null,
        LiteralValue::Bytes(_) => Kind::Any,
    }
}

fn literal(node: &IdedExpr) -> Option<&str> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn is_variable(node: &IdedExpr, name: &str) -> bool {
    matches!(&node.expr, Expr::Ident(own) if own == name)
}

fn mistake<T>(node: &IdedExpr, message: String, hint: Option<String>) -> Result<T, Mistake> {
    Err(Mistake { at: node.id, message, hint })
}
