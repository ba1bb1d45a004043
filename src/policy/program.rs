//! One condition: CEL text, parsed, checked and ready to run.

use std::{collections::HashMap, sync::Arc};

use cel::{
    Context, DeclarationError, Env, ExecutionError, FunctionContext, IdedExpr, ParseErrors, Value,
    common::{
        ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators},
        types::{CelBool, CelString},
        value::CowVal,
    },
    context::VariableResolver,
    extensions,
};
use regex::Regex;

use super::{
    check::{self, Checked, Known},
    classes::Reader,
};
use crate::error::{Error, ErrorKind, Result};

/// What runs conditions: the functions, and the patterns of `matches`.
pub(super) type Root = Context<'static, 'static>;

type Call = Box<
    dyn for<'c, 'v> Fn(&mut FunctionContext<'c, 'v>) -> std::result::Result<CowVal<'c, 'v>, ExecutionError>
        + Send
        + Sync,
>;

/// The language: standard CEL with the string functions (`lowerAscii`, `split`, `indexOf` …).
pub(super) fn language() -> Result<Arc<Env>> {
    let mut env = Env::stdlib();
    env.add_extension(extensions::strings).map_err(|error| internal(&error))?;
    Ok(Arc::new(env))
}

/// The functions over `patterns`. Building it costs as much as many evaluations, so there is one a policy.
pub(super) fn root(env: Arc<Env>, patterns: HashMap<String, Regex>) -> Result<Root> {
    let mut root = Context::with_env(env);
    let matches: Call = Box::new(move |call| find(&patterns, call));
    root.add_function("matches", matches).map_err(|error| internal(&error))?;
    Ok(root)
}

fn internal(error: &DeclarationError) -> Error {
    Error::new(ErrorKind::Internal, format!("CEL cannot be set up: {error}"))
}

/// `text.matches(pattern)`, the pattern compiled when the rule was: compiling one costs more than a whole evaluation.
fn find<'c, 'v>(
    patterns: &HashMap<String, Regex>,
    call: &mut FunctionContext<'c, 'v>,
) -> std::result::Result<CowVal<'c, 'v>, ExecutionError> {
    let ((Some(text), [pattern]) | (None, [text, pattern])) = (&call.this, call.args.as_slice()) else {
        return Err(ExecutionError::missing_argument_or_target());
    };
    let wrong = || ExecutionError::no_such_overload("matches", vec![text.get_type().name().to_owned()]);
    let text = text.downcast_ref::<CelString<'_>>().ok_or_else(wrong)?;
    let pattern =
        pattern.downcast_ref::<CelString<'_>>().and_then(|text| patterns.get(text.inner())).ok_or_else(wrong)?;
    Ok(CowVal::owned(CelBool::from(pattern.is_match(text.inner()))))
}

/// A condition that can be run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    expression: IdedExpr,
    source: String,
}

impl Program {
    /// Parses and checks `source`, which stands at `path`.
    pub(super) fn compile(env: &Env, source: &str, known: &Known<'_>, path: &str) -> Result<(Self, Checked)> {
        let parsed = env.compile(source).map_err(|errors| syntax(&errors, source, path))?;
        let checked = check::check(parsed.expression(), known).map_err(|mistake| {
            let column = parsed.source_info().offset_for(mistake.at).map(|(start, _)| start + 1);
            let place = column.map(|column| format!(" (column {column})")).unwrap_or_default();
            Error::config(path, format!("{}{place}", mistake.message)).with_hint(mistake.hint)
        })?;
        Ok((Self::ready(parsed.expression().clone(), source), checked))
    }

    /// Parses `source`, which stands at `path` and is about something else than a request.
    pub(super) fn parse(env: &Env, source: &str, path: &str) -> Result<Self> {
        let parsed = env.compile(source).map_err(|errors| syntax(&errors, source, path))?;
        Ok(Self { expression: parsed.expression().clone(), source: source.to_owned() })
    }

    /// What it consists of.
    pub(super) fn expression(&self) -> &IdedExpr {
        &self.expression
    }

    /// The patterns of `matches` in it.
    pub(super) fn patterns(&self, env: &Env, known: &Known<'_>) -> Result<HashMap<String, Regex>> {
        Self::compile(env, &self.source, known, "when").map(|(_, checked)| checked.patterns)
    }

    /// The same condition as `reader` leaves it: the parts that are not understood are variables.
    pub(super) fn read(&self, env: &Env, reader: &mut Reader<'_>) -> Result<Self> {
        let parsed = env.compile(&self.source).map_err(|errors| syntax(&errors, &self.source, "when"))?;
        let mut expression = parsed.expression().clone();
        reader.condition(&mut expression, &self.source);
        Ok(Self::ready(expression, &self.source))
    }

    fn ready(mut expression: IdedExpr, source: &str) -> Self {
        missing_is_null(&mut expression);
        Self { expression, source: source.to_owned() }
    }

    /// Whether it holds in `scope`; the error says why that cannot be known, without a word of the request.
    pub(super) fn holds(&self, root: &Root, scope: &dyn VariableResolver) -> std::result::Result<bool, String> {
        let root: &Context<'_, '_> = root;
        let mut context = root.new_inner_scope();
        context.set_variable_resolver(scope);
        let value = Value::resolve_val(&self.expression, &context).map_err(|error| self.explain(&error))?;
        match value.downcast_ref::<CelBool>() {
            Some(answer) => Ok(*answer.inner()),
            None => Err(format!("the condition is neither true nor false but of type {}", value.get_type().name())),
        }
    }

    /// What it yields whatever the request is, if that is so.
    pub(super) fn constant(&self, root: &Root) -> Option<bool> {
        let value = Value::resolve_val(&self.expression, root).ok()?;
        value.downcast_ref::<CelBool>().map(|answer| *answer.inner())
    }

    /// CEL's own messages quote values, and values are the request's.
    fn explain(&self, error: &ExecutionError) -> String {
        match error {
            ExecutionError::UndeclaredReference(name) => format!("`{name}` was not computed"),
            // A key that the rule spells out is the rule's; any other may be the request's.
            ExecutionError::NoSuchKey(key) if self.source.contains(key.as_str()) => format!("there is no `{key}`"),
            ExecutionError::NoSuchKey(_) => "there is no such key".into(),
            ExecutionError::NoSuchOverload(overload) => format!(
                "`{}` does not take ({})",
                overload.function().trim_matches('_'),
                overload.argument_types().join(", ")
            ),
            ExecutionError::FunctionError { function, .. } => format!("`{function}` failed"),
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "division by zero".into(),
            ExecutionError::Overflow(..) => "a number is too large".into(),
            ExecutionError::IndexOutOfBounds(_) => "an index is out of bounds".into(),
            _ => "values of the wrong type".into(),
        }
    }
}

fn syntax(errors: &ParseErrors, source: &str, path: &str) -> Error {
    let (message, line, column) = errors.errors.first().map_or(("cannot be read", 1, 1), |error| {
        let message = error.msg.trim_start_matches("Syntax error: ");
        (message.split(" expecting ").next().unwrap_or(message), error.pos.0, error.pos.1)
    });
    let words = source.split_whitespace();
    let hint = words.into_iter().find_map(|word| match word {
        "and" | "AND" => Some("CEL writes `&&` for and"),
        "or" | "OR" => Some("CEL writes `||` for or"),
        "not" | "NOT" => Some("CEL writes `!` for not"),
        "=" => Some("CEL writes `==` for equal"),
        "<>" => Some("CEL writes `!=` for unequal"),
        _ => None,
    });
    Error::config(path, format!("syntax error at line {line}, column {column}: {}", message.trim()))
        .with_hint(hint.map(Into::into))
}

/// Makes `metadata.key` null where there is no such key: `'key' in metadata ? metadata.key : null`. `has(metadata.key)`
/// and `key in metadata` stay as they are.
fn missing_is_null(node: &mut IdedExpr) {
    children(node).into_iter().for_each(missing_is_null);
    let key = match &node.expr {
        Expr::Select(select) if !select.test && is_metadata(&select.operand) => {
            let key = CelString::from(select.field.clone());
            IdedExpr { id: node.id, expr: Expr::Literal(LiteralValue::String(key)) }
        }
        Expr::Call(call) => match call.args.as_slice() {
            [of, key] if call.func_name == operators::INDEX && is_metadata(of) => key.clone(),
            _ => return,
        },
        _ => return,
    };
    let id = node.id;
    let metadata = IdedExpr { id, expr: Expr::Ident("metadata".into()) };
    let call = |name: &str, args: Vec<IdedExpr>| IdedExpr {
        id,
        expr: Expr::Call(CallExpr { func_name: name.into(), target: None, args }),
    };
    let null = IdedExpr { id, expr: Expr::Literal(LiteralValue::Null) };
    let original = std::mem::take(node);
    *node = call(operators::CONDITIONAL, vec![call(operators::IN, vec![key, metadata]), original, null]);
}

fn is_metadata(node: &IdedExpr) -> bool {
    matches!(&node.expr, Expr::Ident(name) if name == "metadata")
}

/// The parts of an expression.
pub(super) fn children(node: &mut IdedExpr) -> Vec<&mut IdedExpr> {
    match &mut node.expr {
        Expr::Call(call) => call.target.as_deref_mut().into_iter().chain(&mut call.args).collect(),
        Expr::Select(select) => vec![&mut *select.operand],
        Expr::List(list) => list.elements.iter_mut().collect(),
        Expr::Comprehension(c) => {
            let c = &mut **c;
            vec![&mut c.iter_range, &mut c.accu_init, &mut c.loop_cond, &mut c.loop_step, &mut c.result]
        }
        Expr::Map(map) => map.entries.iter_mut().flat_map(|entry| entry_parts(&mut entry.expr)).collect(),
        Expr::Struct(fields) => fields.entries.iter_mut().flat_map(|entry| entry_parts(&mut entry.expr)).collect(),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

fn entry_parts(entry: &mut EntryExpr) -> Vec<&mut IdedExpr> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&mut entry.key, &mut entry.value],
        EntryExpr::StructField(field) => vec![&mut field.value],
    }
}
