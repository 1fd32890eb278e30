# Understudy as an image: built in one stage, run in a slim one, as an ordinary user.
#
#   docker build -t understudy .
#   docker run --rm -p 15080:15080 -v "$PWD/rules:/rules:ro" understudy proxy --listen 0.0.0.0:15080 --rules /rules
#
# `understudy redirect up` changes the firewall and needs root with NET_ADMIN, as an init container:
#   docker run --rm --user 0 --cap-add NET_ADMIN --network container:APP understudy redirect up --uid 1000
#
# There is no HEALTHCHECK: it would start a process every few seconds beside every service. Orchestrators ask
# /healthz and /readyz of the admin port instead.

FROM node:26-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# No install scripts: the one package that has one brings a Node, which this image is.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts scripts/bundle.ts scripts/
COPY src src
RUN node scripts/build.ts
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:26-bookworm-slim
LABEL org.opencontainers.image.title="understudy"
LABEL org.opencontainers.image.description="A sidecar proxy that mocks, disturbs or relays the calls of an unmodified program"
LABEL org.opencontainers.image.licenses="MIT"
RUN apt-get update && apt-get install -y --no-install-recommends nftables && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/understudy
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY bin bin
COPY config config
RUN ln -s /opt/understudy/bin/understudy.js /usr/local/bin/understudy
ENV NODE_ENV=production
# The user that the redirect program leaves alone, or the sidecar would intercept itself.
USER 1000:1000
WORKDIR /
ENTRYPOINT ["understudy"]
CMD ["--help"]
