{{/* The pod: the gateway, and the command line beside it. */}}
{{- define "openclaw.pod" -}}
metadata:
  labels:
    {{- include "openclaw.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: {{ ternary "cli" "gateway" .Values.cli.enabled }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "openclaw.serviceAccount" . }}
  automountServiceAccountToken: false
  # A Service called openclaw-gateway would put OPENCLAW_GATEWAY_PORT=tcp://… into every pod of its namespace.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add .Values.drainSeconds .Values.preStopSeconds 10 }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: gateway
      image: {{ include "openclaw.image" (dict "image" .Values.image "version" .Chart.AppVersion) | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [gateway, run]
      {{- include "openclaw.container" . | nindent 6 }}
      ports:
        - { name: gateway, containerPort: 18789, protocol: TCP }
        {{- if .Values.metrics.enabled }}
        - { name: metrics, containerPort: {{ .Values.metrics.port }}, protocol: TCP }
        {{- end }}
      {{- range $probe, $path := dict "startupProbe" "/startupz" "livenessProbe" "/livez" "readinessProbe" "/readyz" }}
      {{- $request := dict "path" $path "port" "gateway" "scheme" (ternary "HTTPS" "HTTP" (not (empty $.Values.tls.existingSecret))) }}
      {{ $probe }}:
        {{- mustMergeOverwrite (dict "httpGet" $request) (get $.Values $probe) | toYaml | nindent 8 }}
      {{- end }}
      {{- if .Values.preStopSeconds }}
      lifecycle:
        preStop:
          sleep: { seconds: {{ .Values.preStopSeconds }} }
      {{- end }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- if .Values.cli.enabled }}
    - name: cli
      image: {{ include "openclaw.image" (dict "image" .Values.cli.image "version" .Chart.AppVersion) | quote }}
      imagePullPolicy: {{ .Values.cli.image.pullPolicy }}
      args: [idle]
      {{- include "openclaw.container" . | nindent 6 }}
      {{- with .Values.cli.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
  volumes:
    {{- if .Values.persistence.existingClaim }}
    - name: state
      persistentVolumeClaim: { claimName: {{ .Values.persistence.existingClaim }} }
    {{- else if not .Values.persistence.enabled }}
    - { name: state, emptyDir: { sizeLimit: 256Mi } }
    {{- end }}
    {{- include "openclaw.volumes" . | nindent 4 }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    - {{- mustMerge (dict "labelSelector" (dict "matchLabels" (include "openclaw.selectorLabels" $ | fromYaml))) . | toYaml | nindent 6 }}
    {{- end }}
  {{- end }}
  {{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" "runtimeClassName" }}
  {{- with get $.Values $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}

{{/* What both containers have in common: they see the same state, configuration and socket, as the same user. */}}
{{- define "openclaw.container" -}}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
env:
  - { name: OPENCLAW_STATE_DIR, value: /home/node/.openclaw }
  - { name: OPENCLAW_CONFIG_PATH, value: /etc/openclaw/openclaw.json }
  # In a pod the default router stands for every client that comes by a node, so it is no bridge to trust.
  - { name: OPENCLAW_GATEWAY_TRUSTED_BRIDGES, value: "off" }
  {{- if .Values.auth.existingSecret }}
  {{- if eq .Values.auth.mode "password" }}
  - { name: OPENCLAW_GATEWAY_PASSWORD_FILE, value: /etc/openclaw-secret/{{ default "password" .Values.auth.secretKey }} }
  {{- else }}
  - { name: OPENCLAW_GATEWAY_TOKEN_FILE, value: /etc/openclaw-secret/{{ default "token" .Values.auth.secretKey }} }
  {{- end }}
  {{- end }}
  - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
  - { name: POD_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumeMounts:
  - { name: state, mountPath: /home/node/.openclaw }
  - { name: tmp, mountPath: /tmp }
  # The directory and not its files, so that a change of the ConfigMap arrives.
  - { name: config, mountPath: /etc/openclaw, readOnly: true }
  {{- if .Values.auth.existingSecret }}
  - { name: secret, mountPath: /etc/openclaw-secret, readOnly: true }
  {{- end }}
  {{- if .Values.tls.existingSecret }}
  - { name: tls, mountPath: /etc/openclaw-tls, readOnly: true }
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* What both containers mount besides the state. */}}
{{- define "openclaw.volumes" -}}
# Shared as well: where a volume cannot hold a socket, it is here.
- { name: tmp, emptyDir: { medium: Memory, sizeLimit: 16Mi } }
- name: config
  configMap: { name: {{ include "openclaw.fullname" . }} }
{{- with .Values.auth.existingSecret }}
- name: secret
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- with .Values.tls.existingSecret }}
- name: tls
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
