//! regorus.

use super::verify;
use crate::{
    Result,
    measure::Subject,
    site::{Ask, Site, project_id, user_id},
};
use regorus::{
    Engine, Value,
    languages::rego::compiler::Compiler,
    rvm::{program::Program, vm::RegoVM},
};
use rolegate::rbac::{action::Action, role::BuiltIn};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

const INTERPRETER: &str = "regorus, interpreter";
const MACHINE: &str = "regorus, virtual machine";
const RULE: &str = "data.rbac.allow";
const POLICY: &str = "\
package rbac
import rego.v1

default allow := false

allow if {
    some role in data.grants[input.user][input.project]
    data.roles[role][input.action]
}
";

/// The policy, compiled for both of regorus's ways to evaluate it, the data, and the questions as inputs.
pub struct Prepared {
    engine: Engine,
    program: Arc<Program>,
    data: Value,
    inputs: Vec<Value>,
}

impl Prepared {
    /// Prepares everything, and verifies answers.
    pub fn new(site: Site, hits: &[Ask], mixed: &[Ask]) -> Result<Self> {
        let data = data(site)?;
        let mut engine = Engine::new();
        engine.add_policy("rbac.rego".to_owned(), POLICY.to_owned())?;
        engine.add_data(data.clone())?;
        let compiled = engine.compile_with_entrypoint(&RULE.into())?;
        let program = Compiler::compile_from_policy(&compiled, &[RULE])?;
        let inputs = hits.iter().map(input).collect::<Result<_>>()?;
        let prepared = Self { engine, program, data, inputs };
        let mut interpret = prepared.interpreter();
        verify(INTERPRETER, site, mixed, |ask| interpret(&input(ask)?))?;
        let mut execute = prepared.machine()?;
        verify(MACHINE, site, mixed, |ask| execute(&input(ask)?))?;
        Ok(prepared)
    }

    fn interpreter(&self) -> impl FnMut(&Value) -> Result<bool> + use<> {
        let mut engine = self.engine.clone();
        move |input| {
            engine.set_input(input.clone());
            Ok(engine.eval_rule(RULE.to_owned())? == Value::Bool(true))
        }
    }

    fn machine(&self) -> Result<impl FnMut(&Value) -> Result<bool> + use<>> {
        let mut machine = RegoVM::new();
        machine.load_program(Arc::clone(&self.program));
        machine.set_data(self.data.clone())?;
        Ok(move |input: &Value| {
            machine.set_input(input.clone());
            Ok(machine.execute()? == Value::Bool(true))
        })
    }

    /// Asks both ways.
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        let mut subjects = vec![Subject::asking(INTERPRETER, &self.inputs, self.interpreter())];
        // Making one has been tried when its answers were verified.
        subjects.extend(self.machine().ok().map(|ask| Subject::asking(MACHINE, &self.inputs, ask)));
        subjects
    }
}

fn input(ask: &Ask) -> Result<Value> {
    let (user, project, action) = (user_id(ask.user), project_id(ask.project), ask.action.name());
    compact(&json!({ "user": user, "project": project, "action": action }))
}

/// `grants`, by user and project, and `roles`, by name and action.
fn data(site: Site) -> Result<Value> {
    let held = |user| site.held(user).map(|(n, role)| (project_id(n), json!([role.name()]))).collect();
    let grants: Map<_, _> = (0..site.users).map(|user| (user_id(user), Json::Object(held(user)))).collect();
    let actions = |role: BuiltIn| {
        let held = Action::ALL.into_iter().filter(move |action| role.mask().contains(*action));
        Json::Object(held.map(|action| (action.name().to_owned(), Json::Bool(true))).collect())
    };
    let roles: Map<_, _> =
        BuiltIn::ALL.into_iter().map(|role| (role.name().to_owned(), actions(role))).collect();
    compact(&json!({ "grants": grants, "roles": roles }))
}

/// What is read from text is held in regorus's compact form, which is faster than what is put together piece by piece.
fn compact(json: &Json) -> Result<Value> {
    Ok(Value::from_json_str(&json.to_string())?)
}
