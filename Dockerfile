# Build: compile, then leave out what only the build needs.
FROM node:24-slim AS build
# For native modules where no prebuilt binary can be fetched.
RUN apt-get update \
  && apt-get install -y --no-install-recommends python3 make g++ \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

# Run: Node.js brings npx along. Tools that need uvx, git or others: build an image of your own on top of this one.
# Start it with an init (docker run --init; docker-compose.yml has it), so that orphans of tools are reaped.
FROM node:24-slim
ENV ENVIRONMENT=production HOST=0.0.0.0 PORT=8000 DATA_DIR=/data LOG_DIR=/data/logs
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN mkdir -m 700 /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health/live').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/src/main.js"]
