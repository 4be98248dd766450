//! The few messages of Cerbos that are needed, with the field numbers of its API (`cerbos.request.v1`,
//! `cerbos.response.v1`, `cerbos.engine.v1`).

use std::collections::BTreeMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Request {
    #[prost(message, optional, tag = "3")]
    pub(super) principal: Option<Principal>,
    #[prost(message, repeated, tag = "4")]
    pub(super) resources: Vec<ResourceEntry>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Principal {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) roles: Vec<String>,
    #[prost(btree_map = "string, message", tag = "4")]
    pub(super) attr: BTreeMap<String, Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ResourceEntry {
    #[prost(string, repeated, tag = "1")]
    pub(super) actions: Vec<String>,
    #[prost(message, optional, tag = "2")]
    pub(super) resource: Option<Resource>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Resource {
    #[prost(string, tag = "1")]
    pub(super) kind: String,
    #[prost(string, tag = "3")]
    pub(super) id: String,
}

/// `google.protobuf.Value`, as far as it is used.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Value {
    #[prost(oneof = "Kind", tags = "3, 6")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(message, tag = "6")]
    List(List),
}

#[derive(Clone, PartialEq, prost::Message)]
struct List {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Value>,
}

impl Value {
    pub(super) fn list(texts: Vec<String>) -> Self {
        let values = texts.into_iter().map(|text| Self { kind: Some(Kind::Text(text)) }).collect();
        Self { kind: Some(Kind::List(List { values })) }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Answer {
    #[prost(message, repeated, tag = "2")]
    pub(super) results: Vec<Result>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Result {
    /// Effects by action.
    #[prost(btree_map = "string, int32", tag = "2")]
    pub(super) actions: BTreeMap<String, i32>,
}
