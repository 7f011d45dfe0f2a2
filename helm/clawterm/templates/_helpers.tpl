{{- define "clawterm.name" -}}
{{- $name := contains "clawterm" .Release.Name | ternary .Release.Name (printf "%s-clawterm" .Release.Name) }}
{{- $name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "clawterm.labels" -}}
{{ include "clawterm.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* All of a release. */}}
{{- define "clawterm.selector" -}}
app.kubernetes.io/name: clawterm
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "clawterm.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* Which pods may begin a cluster: others only join one. */}}
{{- define "clawterm.founders" -}}
{{- if eq (int .Values.replicas) 0 }}edge{{ else }}node{{ end }}
{{- end }}

{{- define "clawterm.contactPoints" -}}
{{- if .Values.cluster.requiredContactPoints -}}
{{ .Values.cluster.requiredContactPoints }}
{{- else -}}
{{ add (div (int .Values.replicas) 2) 1 }}
{{- end }}
{{- end }}

{{/* Not empty where nodes ask the API server for anything. */}}
{{- define "clawterm.asksKubernetes" -}}
{{- if or (eq .Values.cluster.formation "kubernetes") (eq .Values.cluster.lease "kubernetes") }}true{{ end }}
{{- end }}

{{/* The names under which clients call, as JSON. */}}
{{- define "clawterm.hosts" -}}
{{- $names := list (include "clawterm.name" .) }}
{{- if .Values.edge.enabled }}{{ $names = append $names (printf "%s-edge" (include "clawterm.name" .)) }}{{ end }}
{{- $hosts := list }}
{{- range $name := $names }}
{{- range list "" ".%s" ".%s.svc" ".%s.svc.cluster.local" }}
{{- $hosts = append $hosts (print $name (replace "%s" $.Release.Namespace .)) }}
{{- end }}
{{- end }}
{{- concat $hosts .Values.hosts | toJson }}
{{- end }}

{{/* The configuration of a kind of node; takes root and roles, and pods for the DaemonSet. */}}
{{- define "clawterm.config" -}}
{{- $ := .root -}}
clawterm {
  node {
    bind = "0.0.0.0"
    port = 7220
    http-port = 3456
    management-port = 7626
    {{- if eq $.Values.cluster.formation "kubernetes" }}
    management-bind = ${?CLAWTERM_CLUSTER_HOST}
    {{- end }}
    tls = on
    tls-cert = "/etc/clawterm/tls/tls.crt"
    tls-key = "/etc/clawterm/tls/tls.key"
    database = ${?CLAWTERM_DATABASE}
  }
  http {
    {{- with $.Values.healthPort }}
    health-port = {{ . }}
    health-bind = ${?CLAWTERM_CLUSTER_HOST}
    {{- end }}
    allowed-hosts = {{ include "clawterm.hosts" $ }}
  }
  cluster {
    name = {{ $.Values.cluster.name | quote }}
    host = ${?CLAWTERM_CLUSTER_HOST}
    port = 25520
    roles = {{ toJson .roles }}
    {{- with $.Values.cluster.devicesAt }}
    devices-at = {{ . | quote }}
    {{- end }}
    formation = {{ $.Values.cluster.formation }}
    {{- if eq $.Values.cluster.formation "kubernetes" }}
    required-contact-points = {{ include "clawterm.contactPoints" $ }}
    # The others' machines may still fetch the image; the probe would end a start after twice that.
    join-timeout = {{ div (int $.Values.startupSeconds) 2 }}s
    kubernetes {
      namespace = {{ $.Release.Namespace | quote }}
      pod-label-selector = "app.kubernetes.io/name=clawterm,app.kubernetes.io/instance={{ $.Release.Name }},app.kubernetes.io/component={{ include "clawterm.founders" $ }}"
    }
    {{- end }}
    {{- if eq $.Values.cluster.lease "kubernetes" }}
    lease.lease-class = "io.clawterm.cluster.KubernetesLease"
    lease.kubernetes.name = {{ include "clawterm.name" $ | quote }}
    {{- end }}
    {{- if $.Values.cluster.tls.existingSecret }}
    tls-cert = "/etc/clawterm/cluster-tls/tls.crt"
    tls-key = "/etc/clawterm/cluster-tls/tls.key"
    tls-authorities = "/etc/clawterm/cluster-tls/ca.crt"
    {{- end }}
  }
  {{- if .uids }}
  pods.allowed-uids = {{ toJson .uids }}
  {{- end }}
}
{{- with $.Values.config }}
{{ . }}
{{- end }}
{{- end }}

{{- define "clawterm.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "clawterm.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end }}

{{/* What a probe asks; takes root and path. */}}
{{- define "clawterm.probe" -}}
path: {{ .path }}
{{- if .root.Values.healthPort }}
port: health
{{- else }}
port: https
scheme: HTTPS
{{- end }}
{{- end }}

{{/* The template of a pod; takes root, component, config (its file), resources, roles, sockets. */}}
{{- define "clawterm.pod" -}}
{{- $ := .root -}}
metadata:
  labels:
    {{- include "clawterm.selector" $ | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    clawterm.io/member: "true"
    {{- if has "edge" .roles }}
    clawterm.io/edge: "true"
    {{- end }}
    {{- with $.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") $ | sha256sum }}
    {{- with $.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "clawterm.name" $ }}
  automountServiceAccountToken: {{ eq (include "clawterm.asksKubernetes" $) "true" }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $.Values.terminationGracePeriodSeconds }}
  {{- with $.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .spread }}
  topologySpreadConstraints: {{- . | nindent 4 }}
  {{- end }}
  securityContext: {{- include "clawterm.podSecurity" $ | nindent 4 }}
  {{- if and .sockets $.Values.edge.prepare }}
  initContainers:
    # Only root may give the machine's folder away. It stops before the node starts.
    - name: socket-folder
      image: {{ include "clawterm.image" $ | quote }}
      imagePullPolicy: {{ $.Values.image.pullPolicy }}
      command: ["/bin/sh", "-euc"]
      args:
        - |
          if [ "$(stat -c %u /sockets)" != 10001 ]; then
            chmod 2770 /sockets
            chown 10001:10001 /sockets
          fi
      securityContext:
        runAsNonRoot: false
        runAsUser: 0
        runAsGroup: 0
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: ["ALL"]
          add: ["CHOWN"]
      resources:
        requests: { cpu: 10m, memory: 16Mi }
        limits: { memory: 32Mi }
      volumeMounts:
        - { name: sockets, mountPath: /sockets }
  {{- end }}
  containers:
    - name: clawterm
      image: {{ include "clawterm.image" $ | quote }}
      imagePullPolicy: {{ $.Values.image.pullPolicy }}
      args: ["up", "--data", "/data", "--config", "/etc/clawterm/config/{{ .config }}"]
      securityContext: {{- include "clawterm.containerSecurity" $ | nindent 8 }}
      env:
        - name: CLAWTERM_CLUSTER_HOST
          valueFrom:
            fieldRef:
              fieldPath: status.podIP
        - name: CLAWTERM_DATABASE
          valueFrom:
            secretKeyRef:
              name: {{ $.Values.database.existingSecret }}
              key: url
        {{- with $.Values.model.name }}
        - name: CLAWTERM_MODEL
          value: {{ . | quote }}
        {{- end }}
      {{- with $.Values.model.existingSecret }}
      envFrom:
        - secretRef:
            name: {{ . }}
      {{- end }}
      ports:
        - { name: clawterm, containerPort: 7220 }
        - { name: https, containerPort: 3456 }
        {{- if eq $.Values.cluster.formation "kubernetes" }}
        - { name: management, containerPort: 7626 }
        {{- end }}
        - { name: remoting, containerPort: 25520 }
        {{- with $.Values.healthPort }}
        - { name: health, containerPort: {{ . }} }
        {{- end }}
      startupProbe:
        httpGet: {{- include "clawterm.probe" (dict "root" $ "path" "/livez") | nindent 10 }}
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: {{ div (int $.Values.startupSeconds) 2 }}
      livenessProbe:
        httpGet: {{- include "clawterm.probe" (dict "root" $ "path" "/livez") | nindent 10 }}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {{- include "clawterm.probe" (dict "root" $ "path" "/readyz") | nindent 10 }}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 2
      lifecycle:
        preStop:
          sleep: { seconds: {{ $.Values.preStopSeconds }} }
      resources: {{- toYaml .resources | nindent 8 }}
      volumeMounts:
        - { name: data, mountPath: /data }
        # A mount of its own: what is mounted below would else make it root's.
        - { name: run, mountPath: /data/run }
        - { name: tmp, mountPath: /tmp }
        - { name: config, mountPath: /etc/clawterm/config, readOnly: true }
        - { name: tls, mountPath: /etc/clawterm/tls, readOnly: true }
        - { name: token, mountPath: /data/token, subPath: token, readOnly: true }
        - { name: database, mountPath: /etc/clawterm/database, readOnly: true }
        {{- if $.Values.cluster.tls.existingSecret }}
        - { name: cluster-tls, mountPath: /etc/clawterm/cluster-tls, readOnly: true }
        {{- end }}
        {{- if .sockets }}
        - { name: sockets, mountPath: /data/run/sockets }
        {{- end }}
  volumes:
    # All that must last is in PostgreSQL; these hold sockets and logs.
    - name: data
      emptyDir: { sizeLimit: 1Gi }
    - name: run
      emptyDir: { sizeLimit: 16Mi }
    - name: tmp
      emptyDir: { sizeLimit: 256Mi }
    - name: config
      configMap:
        name: {{ include "clawterm.name" $ }}
    - name: tls
      secret:
        secretName: {{ $.Values.tls.existingSecret }}
        defaultMode: 0440
    - name: token
      secret:
        secretName: {{ $.Values.token.existingSecret }}
        defaultMode: 0440
        items:
          - { key: token, path: token }
    # The authority of the database's certificate, where the secret has one; the URL is no file.
    - name: database
      secret:
        secretName: {{ $.Values.database.existingSecret }}
        defaultMode: 0440
        optional: true
        items:
          - { key: ca.crt, path: ca.crt }
    {{- with $.Values.cluster.tls.existingSecret }}
    - name: cluster-tls
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- if .sockets }}
    - name: sockets
      hostPath:
        path: {{ .sockets }}
        type: {{ ternary "DirectoryOrCreate" "Directory" $.Values.edge.prepare }}
    {{- end }}
{{- end }}
