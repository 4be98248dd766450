# Builds rolegate, and leaves an image with nothing in it but the program, the libraries that it is linked to, and a list of
# authorities: no shell, no package manager. `scripts/image` proves on any machine that nothing else is needed.
#
# Whoever wants the same bytes for good names the base by its digest: --build-arg RUST=rust@sha256:...
ARG RUST=rust:1.95.0-slim-trixie

FROM ${RUST} AS build
WORKDIR /src
COPY . .
# An incremental build would be another one each time, and is of no use to a build that starts from nothing.
ENV CARGO_INCREMENTAL=0
RUN cargo build --release --locked --bin rolegate \
    && scripts/image-root target/release/rolegate /image

FROM scratch
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rolegate" \
      org.opencontainers.image.description="A gRPC authorization sidecar for research-imaging platforms" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build --chown=0:0 /image/root/ /
# The store of whoever keeps it in a file: the one folder that may be written to.
COPY --from=build --chown=65532:65532 /image/data/ /data/
# SQLite may put what does not fit into memory into a file, and there is no other place for it.
ENV SQLITE_TMPDIR=/data
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/usr/bin/rolegate", "healthcheck"]
ENTRYPOINT ["/usr/bin/rolegate"]
CMD ["serve"]
