//! What becomes of the database and of the ways to it while everybody goes on.

use crate::{
    proxy::Proxy,
    random::Random,
    scene::{DATABASE, Scene},
};
use std::time::Duration;
use tokio::task::block_in_place;

pub(super) struct Troubles<'a> {
    pub(super) scene: &'a Scene,
    pub(super) proxies: &'a [Proxy],
}

impl Troubles<'_> {
    /// One trouble at random, and the end of it; its name.
    pub(super) async fn strike(&self, random: &mut Random) -> &'static str {
        let proxy = &self.proxies[random.below(self.proxies.len())];
        let pause = Duration::from_millis(random.below(1_000) as u64);
        match random.below(8) {
            0 | 1 => {
                proxy.cut();
                "cut"
            }
            2 | 3 => {
                proxy.fall_silent();
                tokio::time::sleep(pause).await;
                proxy.speak();
                "silent"
            }
            4 => {
                self.terminate_backends(random);
                "terminated"
            }
            5 => self.restart("fast", pause).await,
            6 => self.restart("kill", pause).await,
            _ => {
                block_in_place(|| self.scene.cluster.signal_all("-STOP"));
                tokio::time::sleep(pause).await;
                block_in_place(|| self.scene.cluster.signal_all("-CONT"));
                "held up"
            }
        }
    }

    /// Cuts about every second connection.
    fn terminate_backends(&self, random: &mut Random) {
        let which = random.below(2);
        let cut = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE usename LIKE 'rolegate_%' AND pid % 2 = {which}"
        );
        block_in_place(|| self.scene.cluster.sql(DATABASE, &cut));
    }

    async fn restart(&self, how: &'static str, pause: Duration) -> &'static str {
        block_in_place(|| self.scene.cluster.end(how));
        tokio::time::sleep(pause).await;
        block_in_place(|| self.scene.cluster.start_again());
        how
    }
}
