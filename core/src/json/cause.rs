//! stub
use super::ParseError;
/// stub
pub struct Cause { /// m
 pub message: &'static str, /// h
 pub hint: &'static str }
/// stub
pub fn cause(_b: &[u8], e: ParseError) -> Cause { Cause { message: e.kind.message(), hint: "Send one valid JSON object." } }
/// stub
pub fn line_column(_b: &[u8], _o: usize) -> (u32,u32) { (1,1) }
