//! The rules: pure, synchronous, and ignorant of storage, time and the wire.

pub mod action;
pub mod custom_role;
pub mod decide;
pub mod explain;
pub mod gear;
pub mod grants;
pub mod impact;
pub mod level;
pub mod mark;
pub mod mask;
pub mod note;
pub mod question;
pub mod refusal;
pub mod requirement;
pub mod role;
pub mod text;
pub mod why;
pub mod world;
