# Builds rolegate and leaves a small image with nothing but the binary and its shared libraries.
FROM rust:1.95-slim AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:trixie-slim
COPY --from=build /src/target/release/rolegate /usr/local/bin/rolegate
# Memory is taken as it is used: on hosts with transparent huge pages, an idle server is half as large for it.
ENV MIMALLOC_ARENA_EAGER_COMMIT=0
USER 65532:65532
ENTRYPOINT ["rolegate"]
CMD ["serve"]
