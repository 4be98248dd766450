//! Where spans of calls are sent.

use super::{ConfigError, values::within};
use crate::telemetry::traces::TraceSettings;
use tonic::transport::Endpoint;

/// Which share of the traces that begin here is recorded: enough to see something, and little beside the answers.
const USUAL_RATIO: f64 = 0.1;

/// Reads the collector's address and the share of traces.
pub(super) fn traces(
    endpoint: Option<&str>,
    ratio: Option<f64>,
) -> Result<Option<TraceSettings>, ConfigError> {
    let (key, key_of_ratio) = ("otlp_endpoint", "otlp_sample_ratio");
    // Refused before it is put down to the other setting's absence.
    // What is no number at all lies nowhere.
    let share = within(
        key_of_ratio,
        ratio.map_or(USUAL_RATIO, |ratio| if ratio.is_nan() { -1.0 } else { ratio }),
        0.0,
        1.0,
    )?;
    let Some(text) = endpoint.filter(|text| *text != "off") else {
        let problem = format!("must be given with `{key}`: without it no trace is recorded");
        return if ratio.is_some() { Err(ConfigError::new(key_of_ratio, problem)) } else { Ok(None) };
    };
    if text.starts_with("https:") {
        let problem = "spans are sent without TLS: name a collector on this machine or in this network as http://, which \
                       can encrypt what it sends on";
        return Err(ConfigError::new(key, problem));
    }
    let problem = || ConfigError::new(key, format!("`{text}` is no address such as `http://127.0.0.1:4317`"));
    let address = text.strip_prefix("http://").ok_or_else(problem)?.trim_end_matches('/');
    // A key in an address would show wherever the address does.
    if address.contains(['/', '?', '@']) {
        return Err(problem());
    }
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|_| problem())?;
    Ok(Some(TraceSettings { endpoint, ratio: share }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_and_a_share_are_read() {
        let read = traces(Some("http://collector:4317/"), Some(0.25)).unwrap().unwrap();
        assert_eq!((read.endpoint.uri().to_string().as_str(), read.ratio), ("http://collector:4317/", 0.25));
        assert!(traces(None, None).unwrap().is_none() && traces(Some("off"), None).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_used_is_told_by_its_key() {
        let key = |endpoint, ratio| traces(endpoint, ratio).unwrap_err().key;
        for bad in [
            "",
            "collector:4317",
            "https://collector:4317",
            "http://",
            "http://a@b:1",
            "http://a:1/v1/traces",
        ] {
            assert_eq!(key(Some(bad), None), "otlp_endpoint", "{bad}");
        }
        for (endpoint, bad) in [
            (Some("http://a:1"), 1.5),
            (Some("http://a:1"), -0.1),
            (Some("http://a:1"), f64::NAN),
            (None, 0.5),
        ] {
            assert_eq!(key(endpoint, Some(bad)), "otlp_sample_ratio", "{bad}");
        }
    }
}
