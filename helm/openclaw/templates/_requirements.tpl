{{/* Contradictions in the values, each with what to do about it. */}}
{{- define "openclaw.requirements" -}}

{{- if gt (int .Values.replicaCount) 1 -}}
{{- fail "replicaCount: the store is files in one volume, and one gateway writes them: set it to 1" -}}
{{- end -}}

{{- /* The proxy, and whom to believe about it, belong together. */ -}}
{{- $behind := or .Values.ingress.enabled .Values.httpRoute.enabled -}}
{{- $named := or .Values.proxy.podLabels .Values.proxy.trusted -}}
{{- if and $behind (not $named) (not (dig "gateway" "trustedProxies" list .Values.config)) -}}
{{- fail "ingress, httpRoute: every client would look like the proxy: name it in proxy.namespace and proxy.podLabels, or in proxy.trusted" -}}
{{- end -}}
{{- if and $named (not $behind) -}}
{{- fail "proxy: forwarding headers would be believed and no proxy is in front: enable ingress or httpRoute, or, for a proxy that is not this chart's, use config.gateway.trustedProxies" -}}
{{- end -}}
{{- $permitted := dig "gateway" "dangerouslyTrustAllProxies" false .Values.config -}}
{{- range concat .Values.proxy.trusted (ternary list (dig "gateway" "trustedProxies" list .Values.config) $permitted) -}}
{{- if or (hasSuffix "/0" .) (eq . "*") -}}
{{- fail (printf "proxy.trusted: %s is everybody, and everybody could say who they are: name the proxy" .) -}}
{{- end -}}
{{- end -}}

{{- if .Values.ingress.enabled -}}
{{- if not .Values.ingress.hosts }}{{ fail "ingress.hosts: name at least one host, for example [{host: openclaw.example.org}]" }}{{ end -}}
{{- end -}}
{{- if .Values.httpRoute.enabled -}}
{{- if not .Values.httpRoute.parentRefs }}{{ fail "httpRoute.parentRefs: name the Gateway, for example [{name: public, namespace: gateways}]" }}{{ end -}}
{{- if not .Values.httpRoute.hostnames }}{{ fail "httpRoute.hostnames: name at least one host" }}{{ end -}}
{{- end -}}

{{- if and (eq .Values.auth.mode "password") (not .Values.auth.existingSecret) -}}
{{- fail "auth.existingSecret: the mode password needs a Secret with the key password" -}}
{{- end -}}
{{- if and (has .Values.auth.mode (list "none" "trusted-proxy")) .Values.auth.existingSecret -}}
{{- fail (printf "auth.existingSecret: the mode %s reads no secret: leave it empty" .Values.auth.mode) -}}
{{- end -}}
{{- if and (eq .Values.auth.mode "trusted-proxy") (not $behind) -}}
{{- fail "auth.mode: trusted-proxy needs the proxy that says who the users are: enable ingress or httpRoute" -}}
{{- end -}}
{{- range list "token" "password" -}}
{{- if dig "gateway" "auth" . "" $.Values.config -}}
{{- fail (printf "config.gateway.auth.%s: a ConfigMap is no place for a secret: use auth.existingSecret" .) -}}
{{- end -}}
{{- end -}}

{{- if and .Values.service.nodePort (eq .Values.service.type "ClusterIP") -}}
{{- fail "service.nodePort: a Service of type ClusterIP has none: set service.type to NodePort" -}}
{{- end -}}
{{- if and .Values.service.externalTrafficPolicy (eq .Values.service.type "ClusterIP") -}}
{{- fail "service.externalTrafficPolicy: a Service of type ClusterIP has none" -}}
{{- end -}}
{{- if and (or .Values.metrics.serviceMonitor.enabled .Values.metrics.dashboard.enabled) (not .Values.metrics.enabled) -}}
{{- fail "metrics.enabled: the ServiceMonitor and the dashboard need the metrics: set it to true" -}}
{{- end -}}
{{- if and .Values.metrics.enabled (eq (int .Values.metrics.port) 18789) -}}
{{- fail "metrics.port: 18789 is the gateway's own port" -}}
{{- end -}}
{{- if and .Values.persistence.existingClaim (not .Values.persistence.enabled) -}}
{{- fail "persistence.existingClaim: persistence.enabled is false, so the claim would not be used" -}}
{{- end -}}

{{- /* What this chart sets itself, so that the objects around the gateway fit it. */ -}}
{{- $instead := dict
  "port" "service.port: the gateway's own port is nobody's but the pod's"
  "bind" "service: in a pod the gateway listens on every interface"
  "customBindHost" "service: in a pod the gateway listens on every interface"
  "socket" "nothing: both containers of the pod have to find it"
  "trustedBridges" "nothing: in a pod the way to the default router is everybody's, and no bridge"
  "publishedOn" "nothing: a pod publishes no port"
  "metrics" "metrics"
  "tls" "tls.existingSecret" -}}
{{- range $key, $value := $instead -}}
{{- if hasKey (default dict $.Values.config.gateway) $key }}{{ fail (printf "config.gateway.%s: use %s" $key $value) }}{{ end -}}
{{- end -}}
{{- if dig "gateway" "auth" "mode" "" .Values.config }}{{ fail "config.gateway.auth.mode: use auth.mode" }}{{ end -}}
{{- if hasKey (dig "gateway" "limits" dict .Values.config) "drainSeconds" }}{{ fail "config.gateway.limits.drainSeconds: use drainSeconds, from which the pod's grace period is made too" }}{{ end -}}
{{- end -}}
