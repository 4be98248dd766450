//! The no-op server: the same bytes as rolegate gets, and always "yes".

use super::Launch;
use crate::{
    verdict::Expected,
    work::{Call, Work},
};
use std::path::Path;

pub(crate) fn launch(program: &Path, runtime: &str, folder: &Path) -> Launch {
    let launch = Launch::new(&format!("noop {runtime}"), program, folder);
    let (tcp, unix) = (launch.tcp(), launch.unix());
    launch.arguments(["--runtime", runtime, "--listen", &tcp, "--listen", &unix])
}

/// What rolegate is asked, for a server that only says yes.
pub(crate) fn same(work: &Work) -> Work {
    let call = |call: &Call| Call {
        request: call.request.clone(),
        expected: if matches!(call.expected, Expected::Batch(_)) {
            Expected::Yeses(work.items)
        } else {
            Expected::Yes
        },
    };
    Work { path: work.path, calls: work.calls.iter().map(call).collect(), items: work.items }
}
