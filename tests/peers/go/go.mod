module penstock/peers

go 1.22

require github.com/mypurecloud/platform-client-sdk-go/v165 v165.0.0
