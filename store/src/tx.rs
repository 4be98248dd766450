//! A transaction as the rest of the store sees it: SQL text in, typed rows out, whatever the database.

use super::postgres::Lease;
use super::{
    error::StoreError,
    revision::{Epoch, Head},
};
use futures_util::TryStreamExt as _;
use sqlx::{
    Arguments as _, Decode, Postgres, Row as _, Sqlite, Type,
    postgres::PgRow,
    sqlite::{SqliteArguments, SqliteRow},
};

/// The values of a statement as a database takes them.
macro_rules! bind {
    ($arguments:ty, $args:expr) => {{
        let mut bound = <$arguments>::default();
        for arg in $args {
            let bound = match *arg {
                Arg::Text(text) => bound.add(text),
                Arg::Int(number) => bound.add(number),
                Arg::Bytes(bytes) => bound.add(bytes),
                Arg::Null => bound.add(None::<i64>),
            };
            bound.map_err(sqlx::Error::Encode)?;
        }
        bound
    }};
}
pub(super) use bind;

/// One transaction: a snapshot for readers, and for a writer the only writer.
///
/// Dropped without a commit, it leaves nothing behind.
pub struct Tx {
    inner: Inner,
    head: Head,
    unvouched: Option<String>,
}

enum Inner {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(Lease),
}

/// A value bound to a `$n` of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    /// Text.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Nothing.
    Null,
}

/// A row of a result.
pub struct Row(Cells);

enum Cells {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Tx {
    /// Takes over a transaction of SQLite's that has begun, and reads where the store stands in it.
    pub(super) async fn sqlite(mut inner: sqlx::Transaction<'static, Sqlite>) -> Result<Self, StoreError> {
        let row = sqlx::query("SELECT epoch, revision, stamp FROM store WHERE id = 1")
            .fetch_one(&mut *inner)
            .await?;
        let row = Row(Cells::Sqlite(row));
        let epoch = row.text(0)?;
        let epoch = Epoch::parse(&epoch).ok_or_else(|| StoreError::Corrupt(format!("epoch `{epoch}`")))?;
        let head = Head { epoch, revision: row.count(1)?, stamp: row.int(2)? };
        Ok(Self { inner: Inner::Sqlite(inner), head, unvouched: None })
    }

    /// Takes over a transaction of PostgreSQL's that has begun, and found the store there.
    pub(super) const fn postgres(inner: Lease, head: Head, unvouched: Option<String>) -> Self {
        Self { inner: Inner::Postgres(inner), head, unvouched }
    }

    /// The run of the store's server, if nobody has said in it yet that its history is still the one that it was. Told to
    /// those who may write alone.
    #[must_use]
    pub fn unvouched(&self) -> Option<&str> {
        self.unvouched.as_deref()
    }

    /// Where the store stood when the transaction began: everything read through it is as of then.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Every row of a query.
    pub(super) async fn rows(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        let take = |row| {
            rows.push(row);
            Ok(())
        };
        self.each(sql, args, take).await?;
        Ok(rows)
    }

    /// Hands every row of a query on as it comes: of a whole table, what is made of the rows takes far less memory.
    pub(super) async fn each(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
        mut take: impl FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match &mut self.inner {
            Inner::Sqlite(tx) => {
                let mut found = sqlx::query_with(sql, bind!(SqliteArguments, args)).fetch(&mut **tx);
                while let Some(row) = found.try_next().await? {
                    take(Row(Cells::Sqlite(row)))?;
                }
                Ok(())
            }
            Inner::Postgres(lease) => lease.each(sql, args, |row| take(Row(Cells::Postgres(row)))).await,
        }
    }

    /// The first row of a query, if it has any.
    pub(super) async fn row(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Option<Row>, StoreError> {
        // Whoever asks so expects one row at most, or a number of them that does not matter.
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Runs a statement and tells how many rows it changed.
    pub(super) async fn run(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        match &mut self.inner {
            Inner::Sqlite(tx) => {
                let done = sqlx::query_with(sql, bind!(SqliteArguments, args)).execute(&mut **tx).await?;
                Ok(done.rows_affected())
            }
            Inner::Postgres(lease) => lease.run(sql, args).await,
        }
    }

    /// Makes what was written durable and visible.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self.inner {
            Inner::Sqlite(tx) => Ok(tx.commit().await?),
            Inner::Postgres(lease) => lease.commit().await,
        }
    }
}

impl Row {
    fn get<'r, T>(&'r self, column: usize) -> Result<T, StoreError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        Ok(match &self.0 {
            Cells::Sqlite(row) => row.try_get(column)?,
            Cells::Postgres(row) => row.try_get(column)?,
        })
    }

    /// A column's text.
    pub(super) fn text(&self, column: usize) -> Result<String, StoreError> {
        self.get(column)
    }

    /// The same without a copy.
    pub(super) fn str(&self, column: usize) -> Result<&str, StoreError> {
        self.get(column)
    }

    /// A column's whole number.
    pub(super) fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.get(column)
    }

    /// A column's whole number that may be missing.
    pub(super) fn maybe_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    /// A column's whole number that cannot be negative.
    pub(super) fn count(&self, column: usize) -> Result<u64, StoreError> {
        let number = self.int(column)?;
        number.try_into().map_err(|_| StoreError::Corrupt(format!("a negative count: {number}")))
    }

    /// A column's truth value.
    pub(super) fn flag(&self, column: usize) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    /// A column's bytes.
    pub(super) fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        self.get(column)
    }

    /// A column's text as a checked type.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> std::result::Result<T, E>,
    ) -> Result<T, StoreError> {
        let text = self.str(column)?;
        parse(text).map_err(|error| StoreError::Corrupt(format!("`{text}` {error}")))
    }

    /// A column's text as one of a closed list of names.
    pub(super) fn named<T>(
        &self,
        column: usize,
        find: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        self.parsed(column, |text| find(text).ok_or("is not a name this version knows"))
    }
}
