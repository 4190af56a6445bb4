# Who may know whom: each folder is compiled with its own headers and those of the folders named
# here, and no other. The Makefile, the linters and the test of the walls read this table.
COMMON_PARTS := common/core common/http common/redis common/webhook
WORKER_PARTS := worker/script worker/stream worker/line worker/rooms worker/record worker/agent worker/redact \
                worker/alert

knows.common/core    :=
knows.common/http    := common/core
knows.common/redis   := common/core
knows.common/webhook := common/core common/redis
knows.ingress        := $(COMMON_PARTS)
knows.worker/script  := common/core common/redis
knows.worker/record  := common/core common/redis common/webhook worker/script
knows.worker/stream  := common/core common/redis common/webhook worker/script
knows.worker/line    := common/core common/redis common/webhook worker/script worker/stream
knows.worker/rooms   := common/core common/redis common/webhook worker/script worker/stream worker/line
knows.worker/agent   := common/core common/http common/webhook
knows.worker/redact  := common/core
knows.worker/history := common/core common/redis common/webhook worker/agent worker/script worker/line
knows.worker/alert   := common/core common/http common/redis worker/script worker/agent worker/line worker/history
# Daily's REST API over https, for dialin-audit, which itself does not know http.
knows.worker/daily   := common/core common/http common/webhook
knows.worker         := $(COMMON_PARTS) $(WORKER_PARTS) worker/history
knows.worker/audit   := common/core common/redis common/webhook worker $(WORKER_PARTS) worker/history \
                        worker/daily worker/audit/terminal
knows.worker/audit/commands := worker/audit $(knows.worker/audit)
knows.worker/audit/terminal := common/core
knows.worker/board   := $(COMMON_PARTS) worker/script worker/line worker/history
knows.tests/agent    := common/core common/http common/webhook
knows.tests/caller   := $(COMMON_PARTS)
knows.tests/bench    := $(COMMON_PARTS) worker/agent
knows.tests/unit/common  := $(COMMON_PARTS)
knows.tests/unit/ingress := ingress $(knows.ingress)
knows.tests/unit/worker  := worker $(knows.worker)
knows.tests/unit/audit   := worker/audit/commands $(knows.worker/audit/commands)
knows.tests/unit/board   := worker/board $(knows.worker/board)
knows.tests/fuzz     := ingress common/http $(knows.tests/unit/audit)

# $(call include_path,FOLDER)
include_path = $(patsubst %,-I%,$(1) $(knows.$(1)))
