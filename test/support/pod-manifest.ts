// config/kubernetes.yaml as a test reads it: no more of it than is asked about.

import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { z } from "zod";

const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.int() }) });
const container = z.object({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()).optional(),
  restartPolicy: z.string().optional(),
  startupProbe: probe.optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  securityContext: z.object({
    runAsUser: z.int(),
    allowPrivilegeEscalation: z.boolean().optional(),
    readOnlyRootFilesystem: z.boolean().optional(),
    capabilities: z
      .object({ drop: z.array(z.string()), add: z.array(z.string()).default([]) })
      .default({ drop: [], add: [] }),
  }),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })).default([]),
});
const configMap = z.object({ kind: z.literal("ConfigMap"), data: z.record(z.string(), z.string()) });
const pod = z.object({
  kind: z.literal("Pod"),
  spec: z.object({
    terminationGracePeriodSeconds: z.int(),
    initContainers: z.tuple([container, container]),
    containers: z.tuple([container]),
  }),
});

export type PodContainer = z.infer<typeof container>;

export interface PodManifest {
  readonly rules: Readonly<Record<string, string>>;
  readonly graceSeconds: number;
  readonly sidecar: PodContainer;
  readonly redirect: PodContainer;
  readonly service: PodContainer;
}

/** Throws where it is no YAML, or has not the shape of a ConfigMap and a pod. */
export function readPodManifest(): PodManifest {
  const text = readFileSync(new URL("../../config/kubernetes.yaml", import.meta.url), "utf8");
  const documents = parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error) throw error;
    return document.toJS() as unknown;
  });
  const [{ data }, { spec }] = z.tuple([configMap, pod]).parse(documents);
  const [sidecar, redirect] = spec.initContainers;
  const [service] = spec.containers;
  return { rules: data, graceSeconds: spec.terminationGracePeriodSeconds, sidecar, redirect, service };
}
