//! `rolegate healthcheck`, for probes of containers.

use super::{
    connect::ServerArgs,
    exit::{Exit, Failure},
    output::Report,
};
use clap::Args;
use serde_json::json;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// The arguments of `healthcheck`.
#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Ask for this service alone, by its full name
    #[arg(long, value_name = "SERVICE", default_value = "")]
    service: String,
}

/// Asks whether the server is serving.
///
/// # Errors
/// When it cannot be asked.
pub(crate) async fn healthcheck(args: HealthArgs) -> Result<Report, Failure> {
    let mut server = args.server.connect_to(HealthClient::new).await?;
    let request = HealthCheckRequest { service: args.service };
    let answer = server.call(async |client| client.check(request).await).await?;
    Ok(report(answer.status))
}

fn report(status: i32) -> Report {
    let status = ServingStatus::try_from(status).unwrap_or(ServingStatus::Unknown);
    let exit = if status == ServingStatus::Serving { Exit::Success } else { Exit::No };
    let name = status.as_str_name();
    Report::new(format!("{name}\n"), json!({ "status": name })).with_exit(exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_serving_is_success() {
        assert_eq!(report(1).exit(), Exit::Success);
        for status in [0, 2, 3, 99] {
            assert_eq!(report(status).exit(), Exit::No, "{status}");
        }
    }
}
